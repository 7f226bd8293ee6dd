import { type AppError, fault } from '../errors/index.ts';

/** The error of a server that cannot start: one line that says what is wrong and what to do. */
export function startProblem(message: string, cause?: unknown): AppError {
  return fault('service.unavailable', message, cause === undefined ? {} : { cause });
}

/** The `code` of a system error (`ENOENT`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free some space and start again',
  EDQUOT: 'the disk quota is used up: free some space and start again',
  EACCES: 'this user may not write there: change its owner, or choose another data directory',
  EPERM: 'this user may not write there: change its owner, or choose another data directory',
  EROFS: 'the file system is read-only: choose another data directory',
  ENOTDIR: 'a part of the path is a file: choose another data directory',
  EEXIST: 'a file of that name is in the way: choose another data directory',
};

/** Runs work on the file system below `path` and turns what the disk or its rights refuse into a start problem. */
export async function explainingDiskProblems<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const remedy = remedies[systemCode(error) ?? ''];
    throw remedy ? startProblem(`cannot keep the data of the shop in ${path}: ${remedy}`, error) : error;
  }
}

/** The start problem behind what `initdb` or the server printed, when it is the disk's. */
export function diskProblem(clusterDir: string, output: string): AppError | undefined {
  if (!/No space left on device|Check free disk space|Disk quota exceeded/.test(output)) return undefined;
  return startProblem(`the disk of ${clusterDir} is full: free some space and start again`, new Error(output));
}
