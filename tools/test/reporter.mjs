// A node:test reporter: one JSON line a finished test, to be read by run-test-file.ts. Plain JavaScript, so that no test run pays for
// stripping types from it.

export default async function* reporter(events) {
  const suites = [];
  for await (const event of events) {
    const { type, data } = event;
    if (type === 'test:start') {
      suites.length = data.nesting;
      suites[data.nesting] = data.name;
    }
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const notRun = data.skip !== undefined || data.todo !== undefined;
    // A suite fails by itself only through its own hooks; otherwise it repeats what its tests have said. Of one that is skipped no test says anything.
    const kind = data.details?.type;
    const own = data.details?.error?.failureType;
    if (kind === 'suite' && !notRun && (type === 'test:pass' || own === 'subtestsFailed')) continue;
    // A test with failing subtests is likewise told by them.
    if (type === 'test:fail' && own === 'subtestsFailed') continue;
    yield `${JSON.stringify({
      name: [...suites.slice(0, data.nesting), data.name].join(' › '),
      outcome: notRun ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed',
      reason: [data.skip, data.todo].find((value) => typeof value === 'string') ?? '',
      durationMs: data.details?.duration_ms ?? 0,
      error: type === 'test:fail' ? describe(data.details?.error) : undefined,
    })}\n`;
  }
}

function describe(error) {
  const cause = error?.cause ?? error;
  const text = cause?.stack ?? String(cause);
  return cause?.cause ? `${text}\ncaused by ${cause.cause?.stack ?? String(cause.cause)}` : text;
}
