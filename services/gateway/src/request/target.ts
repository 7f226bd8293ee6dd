/** A request target as it is routed and handed on, or why it is refused. */
export type Target = { readonly url: string; readonly path: string } | { readonly refused: string };

/** What a path is made of when there is nothing to normalise. Dots, percent signs and empty segments take the slow way. */
const plainPath = /^(?:\/[A-Za-z0-9_~!$&'()*+,;=:@-]+)+$/;
const pathCharacters = /^[!$-;=@-Z_a-z~]*$/;
/** Printable ASCII, for browsers leave `|` and `{` as they are; no fragment and no backslash, which some read as a slash. */
const queryCharacters = /^[!"$-[\]-~]*$/;
const percent = /%(?:([0-9A-Fa-f]{2}))?/g;
const unreserved = /[A-Za-z0-9._~-]/;

/**
 * Reads the target of a request line. The path comes back in its one canonical spelling, so that what was routed is what is handed
 * on: unreserved characters decoded, the other escapes in upper case. Whatever two programs might read differently is refused:
 * dot segments in any spelling, empty segments, escaped slashes, backslashes and NULs, fragments, bytes outside ASCII.
 *
 * @param host the request's Host header; an absolute-form target has to name the same
 */
export function readTarget(raw: string, host: string | undefined): Target {
  const origin = raw.charCodeAt(0) === 0x2f ? raw : originForm(raw, host);
  if (origin === undefined) return { refused: 'The request target is not a path of this host.' };
  const question = origin.indexOf('?');
  const path = question === -1 ? origin : origin.slice(0, question);
  const query = question === -1 ? '' : origin.slice(question);
  if (query !== '') {
    if (!queryCharacters.test(query)) return { refused: 'The query has characters that a URI cannot have.' };
    if (query.includes('%00')) return { refused: 'The query has a NUL.' };
  }
  if (plainPath.test(path)) return { url: origin, path };
  return readUnusualPath(path, query);
}

function readUnusualPath(path: string, query: string): Target {
  if (!pathCharacters.test(path)) return { refused: 'The path has characters that a URI cannot have.' };
  let malformed = false;
  const normal = path.replace(percent, (_, hex: string | undefined) => {
    if (hex === undefined) {
      malformed = true;
      return '';
    }
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return unreserved.test(character) ? character : `%${hex.toUpperCase()}`;
  });
  if (malformed || /%(?:00|2F|5C)/.test(normal)) return { refused: 'The path has an escape that cannot be read.' };
  if (normal.includes('//')) return { refused: 'The path has an empty segment.' };
  if (/\/\.{1,2}(?:\/|$)/.test(normal)) return { refused: 'The path has a dot segment.' };
  if (!isUtf8Escaped(normal)) return { refused: 'The path is not UTF-8.' };
  return { url: normal + query, path: normal };
}

function isUtf8Escaped(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/** The path of an absolute-form target that names this host; undefined for every other form. */
function originForm(raw: string, host: string | undefined): string | undefined {
  const match = /^https?:\/\/([^/?#@]+)(\/.*)?$/i.exec(raw);
  if (match === null || host === undefined || match[1]?.toLowerCase() !== host.toLowerCase()) return undefined;
  return match[2] ?? '/';
}
