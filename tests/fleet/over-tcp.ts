/** The URL of a PostgreSQL on this machine without its unix socket, which would lead past every proxy. */
export function overTcp(url: string): string {
  const changed = new URL(url);
  const port = changed.searchParams.get('port');
  if (!changed.searchParams.has('host')) return url;
  changed.search = '';
  changed.host = `127.0.0.1:${port}`;
  return changed.href;
}
