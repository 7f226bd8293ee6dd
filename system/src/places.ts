import { services } from './services.ts';

/** The port of each service where a process a service runs: the gateway's own (`PORT`), and from 4001 on in the order of the list. */
export const ports: ReadonlyMap<string, number> = new Map(
  services.map(({ name, edge }, index) => [name, edge === undefined ? 4_000 + index : 3_000]),
);

/** The name of the setting that says where a service listens. */
export function portSetting(service: string): string {
  return `STOA_${service.toUpperCase()}_PORT`;
}
