/** Headers that are about one connection, not about the message on it (RFC 9110 §7.6.1). None of them travels on. */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What a `Connection` header lists, in lower case; undefined when there is nothing but that it may be used again. */
export function listedIn(connection: string): Set<string> | undefined {
  if (/^keep-alive$/i.test(connection)) return undefined;
  const names = connection
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  return new Set(names);
}

const lowerCase = new Map<string, string>();

/** Header names come in few spellings, so lower-casing a known one is a look-up. */
export function toLowerCase(name: string): string {
  let lower = lowerCase.get(name);
  if (lower === undefined) {
    lower = name.toLowerCase();
    if (lowerCase.size < 1000) lowerCase.set(name, lower);
  }
  return lower;
}
