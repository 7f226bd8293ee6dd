import { existsSync } from 'node:fs';

/** A PostgreSQL that all test files of a run share; each makes its own databases in it. */
export interface TestDatabaseServer {
  /** Variables that lead the test files to it. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts the shared PostgreSQL, so that no test file pays for a start of its own. */
export async function startTestDatabaseServer(): Promise<TestDatabaseServer> {
  const face = new URL('../../platform/src/testing/index.ts', import.meta.url);
  if (!existsSync(face)) return { environment: {}, stop: async () => {} };
  const testing = await import(face.href);
  return { environment: {}, stop: async () => testing.stopTestPostgres?.() };
}
