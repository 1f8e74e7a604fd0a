/** A run as Markdown, for an issue or a paper's appendix. Pure. */
import type { BenchResults } from '../../../bench/results.ts';
import { type Comparison, formatDate, nameRun } from '../comparison.ts';
import { formatRatio } from '../units.ts';
import { reportOf } from './report.ts';
import type { Cell, Table } from './table.ts';

/** Title, machine, warnings, one table per part, the Scout formula. */
export function toMarkdown(results: BenchResults, comparison?: Comparison): string {
  const { facts, warnings, tables, formula } = reportOf(results, comparison);
  const sections = [
    '# Outrider benchmark',
    `${formatDate(results.date)}${results.model ? `, ${results.model.name}` : ''}`,
    ...(comparison ? [`The factors compare with ${nameRun(comparison.other)}; above 1 is faster here.`] : []),
    ...warnings.map((warning) => `> **Note:** ${warning}`),
    facts.map(([name, value]) => `- ${name}: ${value}`).join('\n'),
    ...tables.map(printTable),
    ...(formula.length > 0 ? ['How the estimate comes about:', ['```', ...formula, '```'].join('\n')] : []),
  ];
  return `${sections.join('\n\n')}\n`;
}

function printTable({ title, columns, rows, note }: Table): string {
  const lines = [
    columns,
    columns.map((_, index) => (index === 0 ? '---' : '---:')),
    ...rows.map((row) => row.map(print)),
  ];
  const table = lines.map((line) => `| ${line.join(' | ')} |`).join('\n');
  return [`## ${title}`, table, ...(note ? [note] : [])].join('\n\n');
}

function print({ text, detail, ratio, correct }: Cell): string {
  const mark = correct === undefined ? '' : correct ? ' ✓' : ' ✗ wrong';
  const factor = ratio === undefined ? '' : `, ${formatRatio(ratio)}`;
  return `${text}${mark}${factor}${detail ? ` (${detail})` : ''}`.replaceAll('|', '\\|');
}
