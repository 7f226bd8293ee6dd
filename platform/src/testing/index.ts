export type { TestDatabase } from './database.ts';
export { stopTestPostgres, testDatabase } from './database.ts';
