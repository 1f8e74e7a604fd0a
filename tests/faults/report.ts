/** Results against the table, and the table as it is printed. */
import type { Outcome, Row } from './table.ts';

export interface Result {
  /** One, or two that happened to the same try. */
  readonly rows: readonly Row[];
  readonly source: 'url' | 'hub';
  readonly stored: Row['stored'][number];
  readonly outcome: Outcome;
  readonly required: readonly Outcome[];
  /** Per row, whether its moment came: another fault may have ended the try before. */
  readonly happened: readonly boolean[];
  /** Of the next try. */
  readonly next: Outcome;
  /** Bytes over all tries up to the next one, and how many they may be. */
  readonly downloaded: number;
  readonly allowed: number;
  /** Of a last try without a server; a model that is stored needs none. */
  readonly offline: Outcome;
}

/** What a run did that the table forbids. */
export function deviationsOf({ rows, outcome, required, happened, next, downloaded, allowed, offline }: Result) {
  return [
    ...(required.includes(outcome) ? [] : [`ended ${outcome}, not ${required.join(' or ')}`]),
    ...(happened.some((one) => one) ? [] : [`${rows[0]!.fault} did not happen`]),
    ...(next === 'equal' ? [] : [`the next try ended ${next}`]),
    ...(downloaded <= allowed ? [] : [`${downloaded} bytes were downloaded, ${allowed} at most allowed`]),
    ...(offline === 'equal' ? [] : [`without a network it ended ${offline}`]),
  ];
}

/** One line per fault, with those of two at a time in a line of their own. */
export function formatTable(all: readonly Row[], results: readonly Result[]): string {
  const lines = all.map((row) => {
    const mine = results.filter(({ rows }) => rows.length === 1 && rows[0] === row);
    return lineOf(row.fault, row.outcome.join(' | '), mine, row.again);
  });
  const mixed = results.filter(({ rows }) => rows.length > 1);
  if (mixed.length > 0) lines.push(lineOf('two of these in one try', 'of the graver one', mixed, 'as stated'));
  const head = ['fault', 'runs', 'required', 'seen', 'next try', 'again at most', 'no network', 'deviations'];
  const table = [head, ...lines];
  const widths = head.map((_, i) => Math.max(...table.map((line) => line[i]!.length)));
  const text = table.map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
  return [text[0]!, '-'.repeat(Math.max(...text.map(({ length }) => length))), ...text.slice(1)].join('\n');
}

function lineOf(fault: string, required: string, results: readonly Result[], again: string): string[] {
  const failed = results.filter((result) => deviationsOf(result).length > 0).length;
  // Each kind of failure of a mixture would make the line too long to read.
  const seen = results.map(({ rows, outcome }) => (rows.length > 1 && outcome !== 'equal' ? 'its code' : outcome));
  const cells = [seen, results.map(({ next }) => next)].map(count);
  const offline = count(results.map((result) => result.offline));
  return [fault, `${results.length}`, required, cells[0]!, cells[1]!, again, offline, failed > 0 ? `${failed}` : ''];
}

/** `equal 5, aborted 2` */
function count(outcomes: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const one of outcomes) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts].map(([outcome, n]) => `${outcome} ${n}`).join(', ');
}
