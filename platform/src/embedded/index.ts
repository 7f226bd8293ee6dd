export { isPortFree } from './is-port-free.ts';
export { poolConnectionsMax } from './server-settings.ts';
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from './start-embedded-postgres.ts';
export { makeDataDir, startEmbeddedPostgres, stopEmbeddedPostgres } from './start-embedded-postgres.ts';
export { explainingDiskProblems } from './start-problem.ts';
