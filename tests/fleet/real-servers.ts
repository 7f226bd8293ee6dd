import {
  type ConsulServer,
  type RabbitServer,
  type RedisServer,
  startConsulServer,
  startRabbitServer,
  startRedisServer,
} from '@stoa/platform/testing';

/** RabbitMQ, Redis and Consul of one test file's own. Needs `// needs: rabbitmq redis consul`. */
export interface RealServers {
  readonly rabbit: RabbitServer;
  readonly redis: RedisServer;
  readonly consul: ConsulServer;
  /** What makes the processes of a fleet use them. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts all three. */
export async function startRealServers(): Promise<RealServers> {
  const started = await Promise.allSettled([startRabbitServer(), startRedisServer(), startConsulServer()]);
  const stop = async () => {
    await Promise.all(started.map((server) => (server.status === 'fulfilled' ? server.value.stop() : undefined)));
  };
  const [rabbit, redis, consul] = started;
  if (rabbit.status === 'fulfilled' && redis.status === 'fulfilled' && consul.status === 'fulfilled') {
    return {
      rabbit: rabbit.value,
      redis: redis.value,
      consul: consul.value,
      environment: {
        STOA_TRANSPORT: rabbit.value.url,
        STOA_REDIS_URL: redis.value.url,
        STOA_DISCOVERY: `consul:${consul.value.url}`,
      },
      stop,
    };
  }
  await stop();
  throw started.find((server) => server.status === 'rejected')?.reason;
}
