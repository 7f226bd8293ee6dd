import { stripTypeScriptTypes } from 'node:module';

/** What V8 writes of one script in one process: how often each stretch of it ran. Stretches nest, and the innermost one holds. */
export interface ScriptCoverage {
  readonly functions: readonly {
    readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[];
  }[];
}

/** A line of a file that holds code, and whether any process ran it. */
export interface CodeLine {
  /** From 1. */
  readonly number: number;
  readonly covered: boolean;
}

interface Line {
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

/**
 * The lines of code of a TypeScript file and which of them ran in at least one process. Comments, types, blank lines and closing
 * brackets are not code: counting them would make the figure better than it is.
 *
 * @param coverages one entry a process that loaded the file; none when nobody did
 */
export function coverLines(source: string, coverages: readonly ScriptCoverage[]): CodeLine[] {
  const lines = linesOfCode(source);
  const covered = new Set<number>();
  for (const coverage of coverages) {
    const counts = countCharacters(source.length, coverage);
    for (const line of lines) {
      // A line has run as soon as anything on it has.
      if (counts.subarray(line.start, line.end).includes(1)) covered.add(line.number);
    }
  }
  return lines.map(({ number }) => ({ number, covered: covered.has(number) }));
}

/** Type stripping leaves spaces in place of types, so that offsets in what ran are offsets in the source. */
function linesOfCode(source: string): Line[] {
  const stripped = stripTypeScriptTypes(source);
  const lines: Line[] = [];
  let offset = 0;
  let inComment = false;
  for (const [index, text] of stripped.split('\n').entries()) {
    const trimmed = text.trim();
    const start = offset + (text.length - text.trimStart().length);
    const opensComment = trimmed.startsWith('/*');
    const isComment = inComment || opensComment || trimmed.startsWith('//');
    if (inComment || opensComment) inComment = !trimmed.includes('*/');
    if (!isComment && /\w/.test(trimmed)) lines.push({ number: index + 1, start, end: start + trimmed.length });
    offset += text.length + 1;
  }
  return lines;
}

/** 1 for each character that ran, 0 for the others. V8 lists outer stretches before those within them. */
function countCharacters(length: number, coverage: ScriptCoverage): Uint8Array {
  const counts = new Uint8Array(length);
  for (const { ranges } of coverage.functions) {
    for (const { startOffset, endOffset, count } of ranges) counts.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  }
  return counts;
}
