import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A PostgreSQL that all test files of a run share; each makes its own databases in it. */
export interface TestDatabaseServer {
  /** Variables that lead the test files to it. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL for this run alone, so that no test file pays for a start of its own and no two runs meet. A server named by
 * STOA_TEST_POSTGRES_URL is used as it is.
 */
export async function startTestDatabaseServer(): Promise<TestDatabaseServer> {
  if (process.env.STOA_TEST_POSTGRES_URL) return { environment: {}, stop: async () => {} };
  const { startEmbeddedPostgres } = await import('@stoa/platform/embedded');
  const dataDir = await mkdtemp(join(tmpdir(), 'stoa-test-run-'));
  // Root's server runs as another user, who has to pass through to keep its data here.
  await chmod(dataDir, 0o711);
  const settings = { max_connections: '400' };
  const server = await startEmbeddedPostgres({ dataDir, settings });
  return {
    environment: { STOA_TEST_POSTGRES_URL: server.adminUrl },
    stop: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
