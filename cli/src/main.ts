import { runCommandLine } from './program.ts';

// Whoever reads may have seen enough, as in `stoa certs ./certs | head -1`: the work goes on.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });

process.exitCode = await runCommandLine(process.argv.slice(2), {
  environment: process.env,
  write: (text) => void process.stdout.write(text),
  tell: (text) => void process.stderr.write(text),
});
