/** The sum of a metric over all its labels that match. */
export async function scrapeSum(metricsUrl: string, name: string, matching = ''): Promise<number> {
  const response = await fetch(metricsUrl, { signal: AbortSignal.timeout(10_000) });
  const text = await response.text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && line.includes(matching))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** SQL statements that all services have sent since the shop started, those of idle polling included. */
export function statementsSent(metricsUrl: string): Promise<number> {
  return scrapeSum(metricsUrl, 'stoa_database_statements_total');
}
