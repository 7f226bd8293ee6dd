const asLocalhost = ['0.0.0.0', '::', '127.0.0.1', '::1', 'localhost'];

/** Where somebody on this machine reaches who listens at a host: `localhost`, unless that is one address of its own. */
export function urlOnThisMachine(host: string, port: number): string {
  if (asLocalhost.includes(host)) return `http://localhost:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
