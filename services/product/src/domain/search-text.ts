/** A search as typed, taken apart for PostgreSQL. */
export interface SearchText {
  /** For `websearch_to_tsquery`; may be empty. */
  readonly whole: string;
  /** A word that is perhaps not typed to its end yet; empty when the text ends in something else. */
  readonly begun: string;
}

/**
 * Splits off the last word of a search, so that it can be found by its beginning while somebody still types. Within quotes, after a minus and for
 * the word `or`, which mean something to the search, nothing is split off.
 */
export function searchText(text: string): SearchText {
  const typed = text.trim();
  const quotes = typed.split('"').length - 1;
  const last = /(?:^|\s)([\p{L}\p{N}][\p{L}\p{N}\p{M}_-]*)$/u.exec(typed)?.[1];
  if (last === undefined || quotes % 2 === 1 || /^or$/i.test(last)) return { whole: typed, begun: '' };
  const before = typed.slice(0, -last.length).trimEnd();
  // `tea or mug`: the word is one of two, so that it must stay with the other.
  if (/(^|\s)or$/i.test(before)) return { whole: typed, begun: '' };
  return { whole: before, begun: last };
}
