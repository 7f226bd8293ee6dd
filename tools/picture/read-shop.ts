import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A service as the picture shows it. */
export interface ShownService {
  readonly name: string;
  /** It faces the outside. */
  readonly isEdge: boolean;
  /** Operations that can be called from outside. */
  readonly routeCount: number;
  readonly commands: readonly string[];
  readonly events: readonly string[];
  readonly sagas: readonly string[];
  readonly effects: readonly string[];
  readonly jobs: readonly string[];
}

/** What goes from one service to another, and of what kind. */
export interface Link {
  readonly kind: 'command' | 'event' | 'call';
  readonly from: string;
  readonly to: string;
  /** Types of messages; for calls the contract that is asked. */
  readonly what: readonly string[];
}

/** Who is in the shop and who has to do with whom, as the code says. */
export interface Shop {
  readonly services: readonly ShownService[];
  readonly links: readonly Link[];
}

/** The parts of a service's definition that the picture is made of. */
interface Definition {
  readonly name: string;
  readonly contract: {
    readonly operations: Readonly<Record<string, { readonly access: { readonly who: string } }>>;
    readonly events: Readonly<Record<string, { readonly type: string }>>;
  };
  readonly edge?: unknown;
  readonly reactions?: readonly { readonly event: { readonly type: string } }[];
  readonly commands?: readonly { readonly command: { readonly type: string } }[];
  readonly sagas?: readonly {
    readonly name: string;
    readonly steps: readonly {
      readonly kind: string;
      readonly command?: { readonly type: string; readonly to: string };
    }[];
  }[];
  readonly effects?: readonly { readonly name: string }[];
  readonly jobs?: readonly { readonly name: string }[];
}

/** Reads the list of services, what each declares, and in their sources whom they call. */
export async function readShop(root: string): Promise<Shop> {
  const { services }: { services: readonly Definition[] } = await import(
    pathToFileURL(join(root, 'system', 'src', 'services.ts')).href
  );
  const links = [...commandLinks(services), ...eventLinks(services), ...(await callLinks(root, services))];
  return { services: services.map(shown), links };
}

function shown(definition: Definition): ShownService {
  const { operations, events } = definition.contract;
  return {
    name: definition.name,
    isEdge: definition.edge !== undefined,
    routeCount: Object.values(operations).filter(({ access }) => access.who !== 'internal').length,
    commands: (definition.commands ?? []).map(({ command }) => command.type),
    events: Object.values(events).map(({ type }) => type),
    sagas: (definition.sagas ?? []).map(({ name }) => name),
    effects: (definition.effects ?? []).map(({ name }) => name),
    jobs: (definition.jobs ?? []).map(({ name }) => name),
  };
}

function commandLinks(services: readonly Definition[]): Link[] {
  return services.flatMap(({ name, sagas = [] }) => {
    const commands = sagas.flatMap(({ steps }) => steps.flatMap(({ command }) => command ?? []));
    return linksByNeighbour(
      commands,
      ({ to }) => to,
      'command',
      name,
      'from',
      ({ type }) => type,
    );
  });
}

function eventLinks(services: readonly Definition[]): Link[] {
  const tellers = new Map<string, string>();
  for (const { name, contract } of services)
    for (const { type } of Object.values(contract.events)) tellers.set(type, name);
  return services.flatMap(({ name, reactions = [] }) => {
    const types = reactions.map(({ event }) => event.type);
    return linksByNeighbour(
      types,
      (type) => tellers.get(type) ?? 'nobody',
      'event',
      name,
      'to',
      (type) => type,
    );
  });
}

/** `client(orderContract)` in a source that is no test means that the service asks order. */
async function callLinks(root: string, services: readonly Definition[]): Promise<Link[]> {
  const names = new Set(services.map(({ name }) => name));
  const links: Link[] = [];
  for (const { name } of services) {
    const asked = new Set<string>();
    for (const source of await sourcesOf(join(root, 'services', name, 'src'))) {
      for (const [, called = ''] of source.matchAll(/\bclient\((\w+)Contract\)/g))
        if (names.has(called)) asked.add(called);
    }
    for (const to of asked) links.push({ kind: 'call', from: name, to, what: [to] });
  }
  return links;
}

async function sourcesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter(
    (entry) =>
      entry.isFile() &&
      entry.name.endsWith('.ts') &&
      !entry.name.endsWith('.test.ts') &&
      !/\/testing(\/|$)/.test(entry.parentPath),
  );
  return Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8')));
}

function linksByNeighbour<T>(
  messages: readonly T[],
  neighbourOf: (message: T) => string,
  kind: Link['kind'],
  own: string,
  ownEnd: 'from' | 'to',
  typeOf: (message: T) => string,
): Link[] {
  return [...Map.groupBy(messages, neighbourOf)].map(([neighbour, group]) => ({
    kind,
    from: ownEnd === 'from' ? own : neighbour,
    to: ownEnd === 'from' ? neighbour : own,
    what: [...new Set(group.map(typeOf))],
  }));
}
