import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { RejectReason } from './classify.ts';
import { columnNames } from './columns.ts';
import { type CsvLine, fieldsOf } from './read-lines.ts';

/** Where lines go that are not replayed. */
export interface Rejects {
  add(line: CsvLine, reason: RejectReason): Promise<void>;
  close(): Promise<void>;
}

/** Writes rejected lines as CSV: line number, reason, and the fields as they stood in the file. Without a path they are only counted. */
export function openRejects(path: string | undefined): Rejects {
  if (path === undefined) return { add: async () => undefined, close: async () => undefined };
  const file = createWriteStream(path);
  const opened = once(file, 'open');
  opened.catch(() => undefined);
  file.write(csvLine(['line', 'reason', ...columnNames]));
  return {
    async add(line, reason) {
      await opened;
      const fields = line.fields ?? fieldsOf(line.text.replaceAll('"', ''));
      if (!file.write(csvLine([String(line.number), reason, ...fields]))) await once(file, 'drain');
    },
    async close() {
      await opened;
      file.end();
      await once(file, 'finish');
    },
  };
}

function csvLine(fields: readonly string[]): string {
  return `${fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')}\r\n`;
}
