import { connect, type Socket } from 'node:net';
import { answer } from '../harness/processes.ts';
import { type Quantiles, quantilesOf } from '../harness/quantiles.ts';

/**
 * Reads pages over keep-alive connections, one request at a time on each. A client library would need more of the processor for a request than the
 * shop does and so become the limit; this one writes prepared bytes and looks for the end of the answer.
 */
export interface ReadPages {
  readonly port: number;
  readonly token: string;
  readonly paths: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly seed: number;
}

export interface PagesRead {
  readonly requests: number;
  readonly failures: number;
  readonly seconds: number;
  readonly durations: Quantiles;
  readonly bytes: number;
  readonly cpuMs: number;
}

const headEnd = Buffer.from('\r\n\r\n');
const samplesMax = 2_000_000;

answer(async (input: ReadPages): Promise<PagesRead> => {
  const requests = input.paths.map((path) =>
    Buffer.from(
      `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${input.port}\r\nauthorization: Bearer ${input.token}\r\n\r\n`,
    ),
  );
  const random = randomFrom(input.seed);
  const tally = { requests: 0, failures: 0, bytes: 0, durationsMs: new Float64Array(samplesMax) };
  const startedAtMs = performance.now();
  const countFromMs = startedAtMs + input.warmUpSeconds * 1000;
  const endAtMs = countFromMs + input.seconds * 1000;
  let cpuAtStart = process.cpuUsage();
  const warm = setTimeout(() => {
    cpuAtStart = process.cpuUsage();
  }, input.warmUpSeconds * 1000);

  await Promise.all(
    Array.from({ length: input.connections }, () =>
      readOn(input.port, {
        next: () => (performance.now() < endAtMs ? requests[Math.floor(random() * requests.length)] : undefined),
        read(ok, bytes, sentAtMs) {
          const nowMs = performance.now();
          if (sentAtMs < countFromMs || nowMs > endAtMs) return;
          if (tally.requests < samplesMax) tally.durationsMs[tally.requests] = nowMs - sentAtMs;
          tally.requests++;
          tally.bytes += bytes;
          if (!ok) tally.failures++;
        },
      }),
    ),
  );
  clearTimeout(warm);
  const { user, system } = process.cpuUsage(cpuAtStart);
  return {
    requests: tally.requests,
    failures: tally.failures,
    seconds: input.seconds,
    bytes: tally.bytes,
    durations: quantilesOf(tally.durationsMs.subarray(0, Math.min(tally.requests, samplesMax))),
    cpuMs: (user + system) / 1000,
  };
});

interface Reader {
  /** The next request, or undefined when it is time to stop. */
  next(): Buffer | undefined;
  read(ok: boolean, bytes: number, sentAtMs: number): void;
}

function readOn(port: number, reader: Reader): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let sentAtMs = 0;
    let missing = 0;
    let ok = false;
    let bytes = 0;
    let head: Buffer | undefined;

    function send(): void {
      const request = reader.next();
      if (request === undefined) {
        socket.end();
        resolve();
        return;
      }
      sentAtMs = performance.now();
      socket.write(request);
    }

    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      if (missing > 0) {
        missing -= chunk.length;
      } else {
        const whole: Buffer = head ? Buffer.concat([head, chunk]) : chunk;
        const at = whole.indexOf(headEnd);
        if (at < 0) {
          head = whole;
          return;
        }
        head = undefined;
        const text = whole.toString('latin1', 0, at).toLowerCase();
        const length = /content-length: (\d+)/.exec(text)?.[1];
        if (length === undefined) {
          reject(new Error(`an answer without content-length: ${text.slice(0, 300)}`));
          socket.destroy();
          return;
        }
        ok = text.startsWith('http/1.1 200');
        missing = at + headEnd.length + Number(length) - whole.length;
      }
      if (missing === 0) {
        reader.read(ok, bytes, sentAtMs);
        bytes = 0;
        send();
      }
    });
  });
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
