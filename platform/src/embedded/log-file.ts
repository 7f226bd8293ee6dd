import { copyFile, open, stat, truncate } from 'node:fs/promises';

const bytesMax = 10 * 1024 * 1024;
const capIntervalMs = 60_000;
const tailBytes = 4096;

/**
 * Keeps the server's log within some 20 MB: when it passes 10 MB it is copied to `….1` and emptied, which the server,
 * appending, does not notice.
 *
 * @returns the function that ends it; it does not keep the process alive
 */
export function capLogFile(path: string): () => void {
  const cap = async () => {
    if ((await logSize(path)) < bytesMax) return;
    await copyFile(path, `${path}.1`);
    await truncate(path);
  };
  // A full disk must not bring the process down from here; the next minute tries again.
  const timer = setInterval(() => void cap().catch(() => undefined), capIntervalMs);
  timer.unref();
  void cap().catch(() => undefined);
  return () => clearInterval(timer);
}

export async function logSize(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** The end of what was logged since the file had `fromBytes` bytes. */
export async function logTail(path: string, fromBytes: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const start = Math.max(size < fromBytes ? 0 : fromBytes, size - tailBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    return buffer.toString('utf8', 0, bytesRead).trim();
  } finally {
    await file.close();
  }
}
