/** What both engines are asked: to run sagas of four steps, so many at once. */
export interface RunSagas {
  readonly databaseUrl: string;
  readonly sagas: number;
  readonly warmUp: number;
  readonly atOnce: number;
  /** Whether each step writes a row of its own, or is only recorded. */
  readonly writesRows: boolean;
  /** Connections to the database at the most. */
  readonly connections: number;
}

export interface SagasRun {
  readonly seconds: number;
  readonly cpuMs: number;
}

export const stepNames = ['reserve', 'authorise', 'confirm', 'capture'] as const;

/** Runs sagas in a closed loop, first some that are not counted. */
export async function measureSagas(input: RunSagas, runOne: (n: number) => Promise<unknown>): Promise<SagasRun> {
  let next = 0;
  const runUpTo = async (end: number) => {
    const loop = async () => {
      while (next < end) await runOne(next++);
    };
    await Promise.all(Array.from({ length: input.atOnce }, loop));
  };
  await runUpTo(input.warmUp);
  const startedAtMs = performance.now();
  const cpu = process.cpuUsage();
  await runUpTo(input.warmUp + input.sagas);
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - startedAtMs) / 1000, cpuMs: (user + system) / 1000 };
}
