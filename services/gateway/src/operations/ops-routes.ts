import type { gatewayContract } from '@stoa/contracts/gateway';
import { findAppError, refusal } from '@stoa/platform/errors';
import type { Principal } from '@stoa/platform/schema';
import type { Backlog, Call, EdgeHost } from '@stoa/platform/service';
import { askServices, type OpsService, opsServices, within } from './ask-services.ts';
import { pageThroughServices } from './page-through-services.ts';
import { traceRoutes } from './trace-routes.ts';

type Operations = (typeof gatewayContract)['operations'];

/** A saga, and the service it lives in. */
interface Located {
  readonly service: OpsService;
  readonly saga: Awaited<ReturnType<OpsService['client']['getSaga']>>;
}

/** How long one service may take for its part of what needs only one, or all one after the other. */
const soonMs = 2_000;
const noBacklog: Backlog = { outbox: 0, inbox: 0, sagasLive: 0, effects: 0, dead: 0 };
const invariantsMs = 55_000;

/** What operators do under /api/v1/ops: every service is asked for its part. */
export function opsRoutes(host: EdgeHost) {
  const services = opsServices(host);
  const named = (service: string | undefined) =>
    service === undefined ? services : services.filter((one) => one.service === service);

  return {
    ...traceRoutes(host),
    async listSagas(call: Call<Operations['listSagas']>) {
      const { service, status, ...page } = call.query;
      const body = await pageThroughServices(named(service), page, ({ client }, part) =>
        client.listSagas({ query: status === undefined ? part : { ...part, status } }, within(soonMs, call)),
      );
      return { body };
    },
    async getSaga(call: Call<Operations['getSaga']>) {
      const { service, saga } = await ofItsService(services, call);
      return { body: { service: service.service, ...saga } };
    },
    async retrySaga(call: Call<Operations['retrySaga']>) {
      const input = { params: call.params, body: { ...call.body, actor: actorOf(call.principal) } };
      const { service } = await ofItsService(services, call);
      return { body: { service: service.service, ...(await service.client.retrySaga(input, reach(call))) } };
    },
    async skipSaga(call: Call<Operations['skipSaga']>) {
      const input = { params: call.params, body: { ...call.body, actor: actorOf(call.principal) } };
      const { service } = await ofItsService(services, call);
      return { body: { service: service.service, ...(await service.client.skipSaga(input, reach(call))) } };
    },
    async compensateSaga(call: Call<Operations['compensateSaga']>) {
      const input = { params: call.params, body: { ...call.body, actor: actorOf(call.principal) } };
      const { service } = await ofItsService(services, call);
      return { body: { service: service.service, ...(await service.client.compensateSaga(input, reach(call))) } };
    },
    async listDeadLetters(call: Call<Operations['listDeadLetters']>) {
      const { service, ...page } = call.query;
      const body = await pageThroughServices(named(service), page, ({ client }, part) =>
        client.listDeadLetters({ query: part }, within(soonMs, call)),
      );
      return { body };
    },
    async redriveDeadLetters(call: Call<Operations['redriveDeadLetters']>) {
      const { service, ...which } = call.body;
      if ((which.ids === undefined) === (which.all === undefined)) {
        const message = 'either ids or all is needed';
        throw refusal('request.invalid', 'Name the dead letters by ids, or say all.', {
          errors: [{ path: '', message }],
        });
      }
      const body = { ...which, actor: actorOf(call.principal) };
      const { answers, partial } = await askServices(named(service), call, (client, options) =>
        client.redriveDeadLetters({ body }, options),
      );
      return { body: { redriven: sum(answers, ({ redriven }) => redriven), partial: [...partial] } };
    },
    async skipDeadLetters(call: Call<Operations['skipDeadLetters']>) {
      const { service, ...which } = call.body;
      const body = { ...which, actor: actorOf(call.principal) };
      const { answers, partial } = await askServices(named(service), call, (client, options) =>
        client.skipDeadLetters({ body }, options),
      );
      return { body: { skipped: sum(answers, ({ skipped }) => skipped), partial: [...partial] } };
    },
    async checkInvariants(call: Call<Operations['checkInvariants']>) {
      const asked = await askServices(
        services,
        call,
        (client, options) => client.checkInvariants({}, options),
        invariantsMs,
      );
      const checks = asked.answers.flatMap(({ service, answer }) =>
        answer.checks.map((check) => ({ service, ...check })),
      );
      // What could not be looked at has not been shown to hold.
      const held = asked.partial.length === 0 && checks.every((check) => check.held);
      return { body: { held, checks, partial: [...asked.partial], checkedAt: host.clock.now() } };
    },
    async getBacklog(call: Call<Operations['getBacklog']>) {
      const { answers, partial } = await askServices(services, call, (client, options) => client.backlog({}, options));
      const total = answers.reduce((all, { answer }) => add(all, answer), noBacklog);
      return {
        body: {
          total,
          services: answers.map(({ service, answer }) => ({ service, ...answer })),
          partial: [...partial],
        },
      };
    },
  };
}

/** A saga's id says not where it lives, so all services are asked, side by side: one that hangs keeps nobody from the saga of another. */
async function ofItsService(services: readonly OpsService[], call: Call): Promise<Located> {
  const params = call.params as { id: string };
  const looks = services.map(async (service) => ({
    service,
    saga: await service.client.getSaga({ params }, within(soonMs, call)),
  }));
  return Promise.any(looks).catch(({ errors }: AggregateError) => {
    const other = errors.find((error) => findAppError(error)?.code !== 'saga.not-found');
    throw other ?? refusal('saga.not-found', `There is no saga ${params.id}.`);
  });
}

function reach(call: Pick<Call, 'cause' | 'deadlineMs'>) {
  return { cause: call.cause, deadlineMs: call.deadlineMs };
}

function actorOf(principal: Principal): string {
  if (principal.kind === 'user') return `user ${principal.userId}`;
  if (principal.kind === 'key') return `key ${principal.keyId}`;
  return principal.kind;
}

function sum<T>(answers: readonly { readonly answer: T }[], of: (answer: T) => number): number {
  return answers.reduce((total, { answer }) => total + of(answer), 0);
}

function add(a: Backlog, b: Backlog): Backlog {
  return {
    outbox: a.outbox + b.outbox,
    inbox: a.inbox + b.inbox,
    sagasLive: a.sagasLive + b.sagasLive,
    effects: a.effects + b.effects,
    dead: a.dead + b.dead,
  };
}
