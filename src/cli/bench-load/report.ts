/** Results as a table, and what of the targets was met. Pure. */
import { PLACES, type Place, STAGE_FACTS, type Stage, type StageResult } from './types.ts';

/** Bytes per second of the throttled source. */
export const THROTTLE = 125e6;
/** JavaScript memory that a load may take, page and workers together. */
export const HEAP_BUDGET_BYTES = 256e6;

export interface Target {
  readonly place: Place;
  readonly text: string;
  /** undefined where a stage that it is measured against was not run. */
  readonly isMet: boolean | undefined;
}

const GB = 1e9;
const rateOf = ({ bytes, seconds }: StageResult) => bytes / seconds;

export function formatResults(results: readonly StageResult[]): string {
  const header = ['', 'stage', 'GB', 'GB/s', 'CPU s/GB', '+ ghost', 'JS peak MB', 'RSS peak MB', '- GPU', '(before)'];
  const rows = results.map((result) => {
    const { place, stage, bytes, cpu, memory, gpuBytes } = result;
    const [perGb, mb] = [GB / bytes, (value: number) => (value / 1e6).toFixed(0)];
    return [
      place,
      `${stage}: ${STAGE_FACTS[stage].what}`,
      (bytes / GB).toFixed(2),
      (rateOf(result) / GB).toFixed(3),
      (cpu.loadSeconds * perGb).toFixed(2),
      (cpu.ghostSeconds * perGb).toFixed(2),
      mb(memory.heap),
      mb(memory.rss),
      mb(memory.rss - gpuBytes),
      mb(memory.rssBefore - gpuBytes),
    ];
  });
  return formatTable([header, ...rows]);
}

/** Two columns of words, then numbers. */
function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

export function judge(results: readonly StageResult[]): Target[] {
  return PLACES.filter((place) => results.some((result) => result.place === place)).flatMap((place) => {
    const find = (stage: Stage) => results.find((result) => result.place === place && result.stage === stage);
    const alone = (['fetch', 'upload', 'part-hash', 'hash', 'disk'] as const).flatMap((stage) => find(stage) ?? []);
    const slowest = alone.reduce<StageResult | undefined>((a, b) => (a && rateOf(a) <= rateOf(b) ? a : b), undefined);
    const fetched = find('fetch');
    return [
      share(place, '(a) requests and GPU', find('gpu'), fetched && rateOf(fetched), 'of the requests alone', 0.9),
      share(place, '(b) throttled, everything on', find('throttled'), THROTTLE, 'of 125 MB/s', 0.9),
      share(place, '(c) everything on', find('all'), slowest && rateOf(slowest), `of ${slowest?.stage} alone`, 0.8),
      heap(
        place,
        results.filter(({ stage, ...one }) => one.place === place && ['gpu', 'all', 'throttled'].includes(stage)),
      ),
    ].filter((target) => target !== undefined);
  });
}

function share(
  place: Place,
  name: string,
  result: StageResult | undefined,
  against: number | undefined,
  words: string,
  needed: number,
): Target | undefined {
  if (!result) return undefined;
  if (against === undefined)
    return { place, text: `${name}: what it is measured against was not run`, isMet: undefined };
  const reached = rateOf(result) / against;
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  return { place, text: `${name}: ${percent(reached)} ${words}, ${percent(needed)} needed`, isMet: reached >= needed };
}

function heap(place: Place, results: readonly StageResult[]): Target | undefined {
  if (results.length === 0) return undefined;
  const peak = Math.max(...results.map(({ memory }) => memory.heap));
  const text = `JavaScript memory: ${(peak / 1e6).toFixed(0)} MB at most, ${HEAP_BUDGET_BYTES / 1e6} MB allowed`;
  return { place, text, isMet: peak < HEAP_BUDGET_BYTES };
}

export function formatTargets(targets: readonly Target[]): string {
  const words = (isMet: boolean | undefined) => (isMet === undefined ? 'unknown' : isMet ? 'met' : 'MISSED');
  return targets.map(({ place, text, isMet }) => `${words(isMet).padEnd(7)}  ${place}  ${text}`).join('\n');
}
