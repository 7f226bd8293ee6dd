import type { Link, Shop, ShownService } from './read-shop.ts';

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

const width = 960;
const margin = 24;
const boxWidth = 232;
const boxHeight = 74;
const rowGap = 44;
const besidePx = 18;

/**
 * Draws the shop: the door on top, whoever owns sagas in the middle, those it commands to the right, those that only listen below, the others to the
 * left. The door's calls are left out: it has to do with everybody.
 */
export function drawShop({ services, links }: Shop): string {
  const boxes = placeBoxes({ services, links });
  const drawn = links.filter(({ from, to }) => boxes.has(from) && boxes.has(to) && !isEdge(services, from));
  const height = Math.max(...[...boxes.values()].map((box) => box.y + box.height)) + 56;
  const arrows = [...Map.groupBy(drawn, ({ from, to }) => [from, to].sort().join(' ')).values()].flatMap((pair) =>
    pair.map((link, at) => drawLink(link, boxes, (at - (pair.length - 1) / 2) * besidePx)),
  );
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" role="img" aria-labelledby="title">`,
    '<title id="title">The services of Stoa: who commands, tells and asks whom</title>',
    style,
    markers,
    ...arrows.map(({ line }) => line),
    ...services.map((service) => drawBox(service, boxes.get(service.name) as Box)),
    ...arrows.map(({ label }) => label),
    drawKey(height - 20),
    '</svg>',
  ].join('\n')}\n`;
}

function isEdge(services: readonly ShownService[], name: string): boolean {
  return services.some((service) => service.name === name && service.isEdge);
}

function placeBoxes({ services, links }: Shop): Map<string, Box> {
  const hearsOnly = new Set(
    services
      .filter(
        ({ name, commands, sagas, isEdge: edge }) =>
          !edge && commands.length + sagas.length === 0 && hears(links, name),
      )
      .map(({ name }) => name),
  );
  const tellsBelow = (service: ShownService) =>
    links.filter(({ kind, from, to }) => kind === 'event' && from === service.name && hearsOnly.has(to)).length;
  const doors = services.filter((service) => service.isEdge);
  const middle = services.filter((service) => service.sagas.length > 0);
  const right = services.filter((service) => service.commands.length > 0 && service.sagas.length === 0);
  const below = services.filter((service) => hearsOnly.has(service.name));
  const placed = new Set([...doors, ...middle, ...right, ...below]);
  const left = services.filter((service) => !placed.has(service)).sort((a, b) => tellsBelow(a) - tellsBelow(b));

  const boxes = new Map<string, Box>();
  const top = margin + (doors.length > 0 ? boxHeight + rowGap : 0);
  for (const { name } of doors) boxes.set(name, { x: margin, y: margin, width: width - 2 * margin, height: boxHeight });
  const rows = Math.max(left.length, middle.length, right.length);
  const column = (members: readonly ShownService[], x: number) => {
    const first = top + ((rows - members.length) * (boxHeight + rowGap)) / 2;
    for (const [at, { name }] of members.entries())
      boxes.set(name, { x, y: first + at * (boxHeight + rowGap), width: boxWidth, height: boxHeight });
  };
  column(left, margin);
  column(middle, (width - boxWidth) / 2);
  column(right, width - margin - boxWidth);
  const bottom = top + rows * (boxHeight + rowGap) + rowGap / 2;
  for (const [at, { name }] of below.entries()) {
    const x = ((at + 1) * width) / (below.length + 1) - boxWidth / 2;
    boxes.set(name, { x, y: bottom, width: boxWidth, height: boxHeight });
  }
  return boxes;
}

/** Hears events of others and tells none that anybody hears. */
function hears(links: readonly Link[], name: string): boolean {
  return (
    links.some((link) => link.kind === 'event' && link.to === name) &&
    !links.some((link) => link.kind === 'event' && link.from === name)
  );
}

function drawBox(service: ShownService, box: Box): string {
  const { name, isEdge: edge, routeCount, sagas, commands, effects, jobs } = service;
  const lines = [
    [
      count(routeCount, edge ? 'route of its own' : 'route', edge ? 'routes of its own' : 'routes'),
      count(commands.length, 'command', 'commands'),
    ],
    [edge ? 'the door: hands every request to the service that owns the route' : ''],
    [sagas.length > 0 ? `sagas: ${sagas.join(', ')}` : ''],
    [count(effects.length, 'effect outside', 'effects outside'), count(jobs.length, 'job', 'jobs')],
  ]
    .map((parts) => parts.filter((part) => part !== '').join(' · '))
    .filter((line) => line !== '');
  const texts = [
    text(box, 24, name, 'name'),
    ...lines.map((line, at) => text(box, (lines.length > 1 ? 44 : 50) + at * 17, line, 'note')),
  ];
  return `<g><rect class="${sagas.length > 0 ? 'box hub' : 'box'}" x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="8"/>${texts.join('')}</g>`;
}

function text(box: Box, down: number, content: string, kind: string): string {
  return `<text class="${kind}" x="${box.x + box.width / 2}" y="${box.y + down}">${content}</text>`;
}

function count(number: number, one: string, many: string): string {
  return number === 0 ? '' : `${number} ${number === 1 ? one : many}`;
}

function drawLink(link: Link, boxes: ReadonlyMap<string, Box>, besides: number): { line: string; label: string } {
  const from = boxes.get(link.from) as Box;
  const to = boxes.get(link.to) as Box;
  // Links of one pair lie side by side, whichever way they point.
  const [first, second] = link.from < link.to ? [centre(from), centre(to)] : [centre(to), centre(from)];
  const length = Math.hypot(second.x - first.x, second.y - first.y);
  const aside = { x: (-(second.y - first.y) / length) * besides, y: ((second.x - first.x) / length) * besides };
  const start = border(from, shift(centre(from), aside), shift(centre(to), aside));
  const end = border(to, shift(centre(to), aside), shift(centre(from), aside));
  const label = link.kind === 'call' ? '' : count(link.what.length, link.kind, `${link.kind}s`);
  const middle = { x: round((start.x + end.x) / 2), y: round((start.y + end.y) / 2 + 4) };
  return {
    line: `<path class="${link.kind}" d="M${round(start.x)} ${round(start.y)} L${round(end.x)} ${round(end.y)}" marker-end="url(#${link.kind}-head)"/>`,
    label: label && `<text class="label" x="${middle.x}" y="${middle.y}">${label}</text>`,
  };
}

function centre({ x, y, width: wide, height: high }: Box): Point {
  return { x: x + wide / 2, y: y + high / 2 };
}

function shift(point: Point, by: Point): Point {
  return { x: point.x + by.x, y: point.y + by.y };
}

/** Where the line from a point inside a box towards another leaves the box. */
function border(box: Box, inside: Point, towards: Point): Point {
  const dx = towards.x - inside.x;
  const dy = towards.y - inside.y;
  const wall = (delta: number, low: number, high: number, at: number) =>
    delta === 0 ? Number.POSITIVE_INFINITY : ((delta > 0 ? high : low) - at) / delta;
  const share = Math.min(wall(dx, box.x, box.x + box.width, inside.x), wall(dy, box.y, box.y + box.height, inside.y));
  return { x: inside.x + dx * share, y: inside.y + dy * share };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function drawKey(y: number): string {
  const entries: readonly [Link['kind'], string][] = [
    ['command', 'commands of its sagas, each answered by a reply'],
    ['event', 'events it tells'],
    ['call', 'calls it makes'],
  ];
  return entries
    .map(([kind, meaning], at) => {
      const x = margin + ([0, 400, 620][at] as number);
      return `<path class="${kind}" d="M${x} ${y} L${x + 44} ${y}" marker-end="url(#${kind}-head)"/><text class="key" x="${x + 58}" y="${y + 4}">${meaning}</text>`;
    })
    .join('');
}

const light = {
  ink: '#1f2328',
  soft: '#59636e',
  paper: '#ffffff',
  box: '#f6f8fa',
  hub: '#fff8e6',
  line: '#d1d9e0',
  command: '#b35900',
  event: '#0969da',
  call: '#818b98',
};
const dark = {
  ink: '#f0f6fc',
  soft: '#9198a1',
  paper: '#0d1117',
  box: '#151b23',
  hub: '#2b2411',
  line: '#3d444d',
  command: '#f0883e',
  event: '#4493f8',
  call: '#656c76',
};

// Colours are written out, not held in CSS variables: few programs but browsers know those.
const coloured = (colours: typeof light): string =>
  [
    `text { fill: ${colours.ink}; }`,
    `.note, .key, .label { fill: ${colours.soft}; }`,
    `.label { stroke: ${colours.paper}; }`,
    `.box { fill: ${colours.box}; stroke: ${colours.line}; }`,
    `.hub { fill: ${colours.hub}; stroke: ${colours.command}; }`,
    ...(['command', 'event', 'call'] as const).map(
      (kind) => `.${kind} { stroke: ${colours[kind]}; } .${kind}-head { fill: ${colours[kind]}; }`,
    ),
  ].join(' ');

const style = `<style>
text { text-anchor: middle; font-size: 12px; } .note { font-size: 11.5px; } .name { font-size: 16px; font-weight: 600; } .key { text-anchor: start; }
.label { font-size: 11px; paint-order: stroke; stroke-width: 5px; stroke-linejoin: round; }
.command { stroke-width: 2.5; } .event { stroke-width: 1.5; stroke-dasharray: 6 4; }
${coloured(light)}
@media (prefers-color-scheme: dark) { ${coloured(dark)} }
</style>`;

const markers = `<defs>${(['command', 'event', 'call'] as const)
  .map(
    (kind) =>
      `<marker id="${kind}-head" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" markerWidth="9" markerHeight="9" orient="auto"><path class="${kind}-head" d="M0 0 L8 4 L0 8 z"/></marker>`,
  )
  .join('')}</defs>`;
