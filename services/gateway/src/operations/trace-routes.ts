import type { gatewayContract, OpsTrace } from '@stoa/contracts/gateway';
import { refusal } from '@stoa/platform/errors';
import type { Call, EdgeHost } from '@stoa/platform/service';
import { inOrder, type TraceSummary } from '@stoa/platform/telemetry';
import { askServices, opsInstances } from './ask-services.ts';

type Operations = (typeof gatewayContract)['operations'];

/** Traces asked of each process for one list, whatever its length: what one keeps of a trace may be older than what another does. */
const askedOfEach = 100;

/**
 * Traces as one tree, of whatever each process of the shop has kept of them. Gateways do not know of each other: of what another one answered by itself, its own
 * span is not found here.
 */
export function traceRoutes(host: EdgeHost) {
  return {
    async listTraces(call: Call<Operations['listTraces']>) {
      const { answers, partial } = await askServices(opsInstances(host), call, (client, options) =>
        client.listTraces({ query: { limit: askedOfEach } }, options),
      );
      const own = { keeper: host.traces?.keeper ?? '', items: host.traces?.recent(askedOfEach) ?? [] };
      // Services that live in one process all tell the same.
      const keepers = new Map(
        [own, ...answers.map(({ answer }) => answer)].map(({ keeper, items }) => [keeper, items]),
      );
      const pieces = Map.groupBy([...keepers.values()].flat(), ({ traceId }) => traceId);
      const items = [...pieces.values()]
        .map(joined)
        .sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1))
        .slice(0, call.query.limit ?? 20);
      return { body: { items, partial: [...partial] } };
    },
    async getTrace(call: Call<Operations['getTrace']>) {
      const { params } = call;
      const { answers, partial } = await askServices(opsInstances(host), call, (client, options) =>
        client.getTrace({ params }, options),
      );
      const own = host.traces?.byId(params.id) ?? [];
      const all = [...own, ...answers.flatMap(({ answer }) => answer.spans)];
      const spans = inOrder([...new Map(all.map((span) => [span.spanId, span])).values()]);
      if (spans.length > 0) return { body: { traceId: params.id, spans, partial: [...partial] } };
      throw refusal('trace.not-found', 'The trace was not recorded, or has made room for newer ones.');
    },
  };
}

/** One trace of what several processes kept of it. */
function joined(pieces: readonly TraceSummary[]): OpsTrace {
  const [first] = pieces.toSorted(
    (a, b) => Number(b.begins) - Number(a.begins) || (a.startedAt < b.startedAt ? -1 : 1),
  );
  const { traceId, name, startedAt } = first as TraceSummary;
  const endMs = Math.max(...pieces.map((piece) => Date.parse(piece.startedAt) + piece.durationMs));
  return {
    traceId,
    name,
    startedAt,
    durationMs: endMs - Date.parse(startedAt),
    spans: pieces.reduce((sum, { spans }) => sum + spans, 0),
    services: [...new Set(pieces.flatMap(({ services }) => services))],
    failed: pieces.some(({ failed }) => failed),
  };
}
