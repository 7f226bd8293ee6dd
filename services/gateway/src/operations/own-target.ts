import { gatewayContract } from '@stoa/contracts/gateway';
import { type HostedHttp, hostHttp } from '@stoa/platform/http';
import type { EdgeHost, LocalTarget, Service, ServiceDefinition } from '@stoa/platform/service';
import { dashboardRoutes } from './dashboard.ts';
import { healthRoutes } from './health-routes.ts';
import { opsRoutes } from './ops-routes.ts';

/**
 * The gateway's own operations, hosted as every service's are: the same checks of token, role and shape, the same errors. They are made here
 * and not in the service's definition because they need what only the edge has: all the others' health and addresses.
 */
export async function createOwnTarget(
  host: EdgeHost,
  isDraining: () => boolean,
): Promise<{ readonly target: LocalTarget; readonly hosted: HostedHttp }> {
  const routes = { ...healthRoutes(host, isDraining), ...dashboardRoutes(host), ...opsRoutes(host) };
  const definition = { name: 'gateway', contract: gatewayContract, routes } as unknown as ServiceDefinition;
  // No database, no messages, no sagas: these handlers have what they need by closure.
  const service = { name: 'gateway', clock: host.clock, log: host.log, deps: undefined } as unknown as Service;
  const hosted = await hostHttp(definition, service, {
    log: host.log,
    ...(host.traces && { traces: host.traces }),
  });
  return { target: { kind: 'local', contract: gatewayContract, handle: hosted.handle }, hosted };
}
