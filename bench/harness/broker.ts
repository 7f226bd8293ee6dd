import { type RabbitServer, startRabbitServer } from '@stoa/platform/testing';
import { provideServers } from '../../tools/test/provide-servers.ts';
import { cpuMsOfFamily, descendantsOf, memoryMbOfFamily } from './processes.ts';
import type { Bench } from './scenario.ts';

/** A RabbitMQ of the bench's own. */
export interface BenchBroker extends RabbitServer {
  cpuMs(): number;
  memoryMb(): number;
}

/**
 * Starts a RabbitMQ on free ports, stopped and removed after the scenario.
 *
 * @throws Error when there is no RabbitMQ on this machine and it may not be installed; how to get it has been printed
 */
export async function startBroker(bench: Bench): Promise<BenchBroker> {
  const { environment, missing } = await provideServers(['rabbitmq']);
  if (missing.length > 0) throw new Error('there is no RabbitMQ: the line above says how to get it');
  Object.assign(process.env, environment);
  const server = await startRabbitServer();
  bench.defer(() => server.stop());
  const pids = () => {
    const found = descendantsOf(process.pid).find(({ title }) => /beam\S* .*rabbit/.test(title));
    return found === undefined ? [] : [found.pid];
  };
  return {
    ...server,
    cpuMs: () => pids().reduce((sum, pid) => sum + cpuMsOfFamily(pid), 0),
    memoryMb: () => pids().reduce((sum, pid) => sum + memoryMbOfFamily(pid), 0),
  };
}
