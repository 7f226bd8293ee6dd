/** What the pages, the image and the door before the gateway say of the services and their ports. */
export interface Said {
  readonly readme: string;
  readonly fleetGuide: string;
  readonly dockerfile: string;
  readonly door: string;
}

/** Where they say something else than the list of services and their ports. */
export function* pageProblems(ports: ReadonlyMap<string, number>, said: Said): Generator<string> {
  yield* readmeProblems(ports, said.readme);
  yield* guideProblems(ports, said.fleetGuide);
  yield* imageProblems(said.dockerfile);
  const gateway = `gateway:${ports.get('gateway')}`;
  if (!new RegExp(`^ *server ${gateway}[ ;]`, 'm').test(said.door))
    yield `deploy/compose/edge/nginx.conf does not hand on to ${gateway}`;
}

/** The README's table: a row `| [`order`](services/order/README.md) | 4003 | …` a service. */
function* readmeProblems(ports: ReadonlyMap<string, number>, page: string): Generator<string> {
  const rows = [...page.matchAll(/^\| \[`([a-z]+)`\]\(services\/([a-z]+)\/README\.md\) \| (\d+) \|/gm)]
    .filter(([, name, folder]) => name === folder)
    .map(([, name, , port]) => `${name} at ${port}`);
  const wanted = [...ports].map(([name, port]) => `${name} at ${port}`);
  for (const one of wanted) if (!rows.includes(one)) yield `README.md does not show ${one}`;
  for (const one of rows) if (!wanted.includes(one)) yield `README.md shows ${one}, which is not wanted`;
}

/** The guide's loop that starts every service but the gateway, and the range of their ports. */
function* guideProblems(ports: ReadonlyMap<string, number>, page: string): Generator<string> {
  const inner = [...ports].filter(([name]) => name !== 'gateway');
  const started = /^for service in (.*); do$/m.exec(page)?.[1]?.split(' ') ?? [];
  for (const [name] of inner) if (!started.includes(name)) yield `docs/guides/fleet.md does not start ${name}`;
  for (const name of started)
    if (!inner.some(([one]) => one === name)) yield `docs/guides/fleet.md starts ${name}, which is not wanted`;
  const numbers = inner.map(([, port]) => port);
  const range = `${Math.min(...numbers)} to ${Math.max(...numbers)}`;
  if (!page.includes(`(${range};`)) yield `docs/guides/fleet.md does not say that the ports are ${range}`;
}

function* imageProblems(text: string): Generator<string> {
  const last = text.slice(text.search(/^FROM (?![\s\S]*^FROM )/m));
  const user = [...last.matchAll(/^USER (\S+)/gm)].at(-1)?.[1] ?? 'root';
  if (/^(root|0)(:|$)/.test(user)) yield 'Dockerfile ends as root';
  if (!/^HEALTHCHECK (?!NONE)/m.test(last)) yield 'Dockerfile has no HEALTHCHECK';
  if (!/^ENTRYPOINT \["stoa"\]/m.test(last)) yield 'Dockerfile does not run stoa';
}
