import { type Figure, isMet, type Report, ratioOf } from './scenario.ts';

/** A report as a table: each figure with its target beside it and how the two stand to each other. */
export function printReport(name: string, about: string, { figures, notes, profile = [] }: Report): string {
  const rows = figures.map((figure) => [
    figure.name,
    `${readable(figure.value)} ${figure.unit}`.trim(),
    targetText(figure),
    ratioText(figure),
    { true: 'met', false: 'MISSED', undefined: '' }[String(isMet(figure)) as 'true'],
  ]);
  const table = [['', 'measured', 'target', 'ratio', ''], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return ['', `${name}: ${about}`, '', ...lines, ...notes.map((note) => `  · ${note}`), ...profile, ''].join('\n');
}

/** The figures as a table of Markdown, for docs/explanation/speed.md. */
export function markdownReport(name: string, surroundings: string, { figures }: Report): string {
  const rows = figures.map((figure) => {
    const verdict = { true: 'met', false: '**missed**', undefined: '' }[String(isMet(figure)) as 'true'];
    const cells = [
      figure.name,
      `${readable(figure.value)} ${figure.unit}`,
      targetText(figure),
      ratioText(figure),
      verdict,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const head = ['| figure | measured | target | ratio | |', '|---|--:|--:|--:|---|'];
  return [`### ${name}`, '', `${surroundings}.`, '', ...head, ...rows, '', ''].join('\n');
}

function targetText({ target }: Figure): string {
  if (target === undefined) return '';
  return 'atLeast' in target ? `≥ ${readable(target.atLeast)}` : `≤ ${readable(target.atMost)}`;
}

function ratioText(figure: Figure): string {
  const ratio = ratioOf(figure);
  return ratio === undefined ? '' : ratio.toFixed(2);
}

function readable(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', { maximumFractionDigits: digits });
}
