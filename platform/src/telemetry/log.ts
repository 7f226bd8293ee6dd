import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export interface LogOptions {
  /** Whose lines they are; leave it out where each child says so itself, since pino would write the field twice. */
  readonly service?: string | undefined;
  /** `info` unless given. */
  readonly level?: string | undefined;
  /** Standard output unless given. */
  readonly destination?: DestinationStream | undefined;
}

/** Names of fields that are secret or personal, in lower case and without separators. */
const hidden = new Set(
  (
    'authorization proxyauthorization cookie setcookie password passwordhash token accesstoken refreshtoken ordertoken carttoken ' +
    'servicetoken paymenttoken xordertoken xcarttoken apikey secret clientsecret email emailaddress name firstname lastname fullname phone ' +
    'address shippingaddress billingaddress addresses line1 line2 city region postalcode'
  ).split(' '),
);
const mask = '[redacted]';
const depthMax = 8;

/**
 * Makes a log of JSON lines. Secret and personal fields are masked at every depth by their names; texts are not searched, so a message never
 * has a value in it. Errors are written as type, message, code and stack with their causes: the other fields of database errors quote rows.
 */
export function createLog(options: LogOptions): Logger {
  const log = pino(
    {
      level: options.level ?? 'info',
      base: options.service === undefined ? {} : { service: options.service },
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      // Errors are plain by the time a serialiser would see them.
      serializers: { err: (plain) => plain },
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redact(fields, 0) as Record<string, unknown>,
      },
    },
    options.destination ??
      standardOutput((lines) => log.warn({ lines }, 'lines of this log were lost: nobody took them')),
  );
  // pino formats the fields of a line but not those that a child is given; children inherit this.
  const { child } = log;
  log.child = function (this: Logger, fields: object, childOptions?: object) {
    return child.call(this, redact(fields) as Record<string, unknown>, childOptions);
  } as typeof child;
  return log;
}

/** What may wait for a reader of the standard output that stands still, in bytes; lines that come after are lost, and counted. */
const waitingBytesMax = 64 * 2 ** 20;

/** Lines that cannot be written, on a full disk say, wait; neither the process nor its end waits for them. */
function standardOutput(tellLost: (lines: number) => void): ReturnType<typeof pino.destination> {
  const output = pino.destination({ sync: false, dest: 1, maxLength: waitingBytesMax });
  let broken = false;
  let lost = 0;
  output.on('drop', () => {
    lost += 1;
  });
  output.on('error', () => {
    broken = true;
  });
  output.on('write', () => {
    broken = false;
    if (lost === 0) return;
    const lines = lost;
    lost = 0;
    tellLost(lines);
  });
  // At the end of the process, where it would try for ever.
  const flushSync = output.flushSync.bind(output);
  output.flushSync = () => {
    if (!broken) flushSync();
  };
  return output;
}

/** A copy with secret and personal fields masked, whatever their depth. Errors become plain. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return writeError(value, 0);
  if (value instanceof Date) return value;
  if (depth === depthMax) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) copy[name] = isHidden(name) ? mask : redact(field, depth + 1);
  return copy;
}

const known = new Map<string, boolean>();

function isHidden(name: string): boolean {
  let answer = known.get(name);
  if (answer === undefined) {
    answer = hidden.has(name.toLowerCase().replace(/[-_]/g, ''));
    // Names come from our own code; should some come from input, the map does not grow without end.
    if (known.size < 1_000) known.set(name, answer);
  }
  return answer;
}

function writeError(error: Error, depth: number): unknown {
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' ? { code } : {}),
    stack: error.stack,
    ...(error.cause instanceof Error && depth < 5 ? { cause: writeError(error.cause, depth + 1) } : {}),
  };
}
