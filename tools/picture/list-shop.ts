import type { Shop } from './read-shop.ts';

/** The shop as a table in Markdown: what the picture has no room for. */
export function listShop({ services, links }: Shop): string {
  const rows = services.map(({ name, routeCount, commands, sagas }) => {
    const heard = links.filter(({ kind, to }) => kind === 'event' && to === name);
    const asked = links.filter(({ kind, from }) => kind === 'call' && from === name);
    const cells = [
      `[\`${name}\`](services/${name}/README.md)`,
      String(routeCount),
      words([...sagas.map((saga) => `saga ${saga}`), ...commands.map((type) => `\`${type}\``)]),
      words(
        heard.map(({ from, what }) => `${from}: ${what.map(withoutOwner(from)).join(', ')}`),
        '; ',
      ),
      words(asked.map(({ to }) => to)),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return ['| service | routes | carries out | hears | asks |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}

/** `order.confirmed.v1` of order is `confirmed`. */
function withoutOwner(owner: string): (type: string) => string {
  return (type) => (type.startsWith(`${owner}.`) ? type.slice(owner.length + 1) : type).replace(/\.v1$/, '');
}

function words(parts: readonly string[], separator = ', '): string {
  return parts.length === 0 ? '–' : parts.join(separator);
}
