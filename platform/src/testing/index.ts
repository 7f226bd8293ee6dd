export { type ConsulServer, type ConsulServerOptions, startConsulServer } from './consul-server.ts';
export { type Line, openDatabaseLine, openLine } from './cut-line.ts';
export { newDataDir } from './data-dir.ts';
export type { TestDatabase } from './database.ts';
export { stopTestPostgres, testDatabase } from './database.ts';
export { freePort } from './free-port.ts';
export { type RabbitServer, startRabbitServer } from './rabbitmq-server.ts';
export { type RedisServer, startRedisServer } from './redis-server.ts';
export { type SampleWitness, sampleContract, sampleService, sampleShop } from './sample-shop.ts';
