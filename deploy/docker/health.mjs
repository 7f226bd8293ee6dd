// The health check of a container: `health.mjs live` or `health.mjs ready`; exit code 0 means yes. Every process answers probes beside its metrics,
// on loopback. Plain JavaScript and nothing but Node, for it starts every few seconds.

const question = process.argv[2] ?? 'live';
const port = process.env.STOA_METRICS_PORT || '9464';

try {
  const response = await fetch(`http://127.0.0.1:${port}/health/${question}`, { signal: AbortSignal.timeout(3_000) });
  process.stdout.write(await response.text());
  process.exitCode = response.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`${error.cause?.message ?? error.message}\n`);
  process.exitCode = 1;
}
