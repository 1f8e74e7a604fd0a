/** What is to be expected of full Scout: from rates, from layers of its own size, and along its context. Pure. */
import type { CostCurve, PartialResults } from '../../../bench/results.ts';
import { formatBytes, formatCount } from '../../shared/format.ts';
import type { Comparison } from '../comparison.ts';
import { groupByLabel } from '../step.ts';
import { formatSeconds, formatShare, formatSpeed } from '../units.ts';
import { shareCells } from './model.ts';
import type { Table } from './table.ts';

/** One token through layers of Scout's own size, and what all of its layers would take by that. */
export function trueSizeTable(results: PartialResults, comparison: Comparison | undefined): Table | undefined {
  const { trueSize, roofline } = results;
  if (!trueSize || !roofline) return undefined;
  const { context, weightBytes, ops, sumSeconds, stepSeconds, tokenSeconds, tokenBytes, tokenDispatches } = trueSize;
  const times = new Map(ops.map((op) => [op.label, op.times]));
  return {
    id: 'true-size',
    title: 'Layers of Scout’s own size',
    columns: ['Operation', 'Time', 'Part of a token', 'Rate', 'Share of the roofline'],
    rows: groupByLabel(ops).map((op) => {
      const part = (op.seconds * times.get(op.label)!) / tokenSeconds;
      return [
        { text: op.label, detail: `${op.kernels.join(', ')} × ${op.dispatches}` },
        { text: formatSeconds(op.seconds), ratio: comparison?.trueSizeOp(op) },
        { text: formatShare(part), bar: part },
        ...shareCells(roofline, op),
      ];
    }),
    note: `One chunked and one global layer and the head in int4, ${formatBytes(weightBytes)} of weights made up, after ${formatCount(context, 'token')}. Sum ${formatSeconds(sumSeconds)} beside ${formatSeconds(stepSeconds)} in one pass. By that a token of all 48 layers takes ${formatSeconds(tokenSeconds)}: ${formatSpeed(1 / tokenSeconds)}, ${formatBytes(tokenBytes)} read, ${tokenDispatches.toLocaleString('en')} dispatches.`,
  };
}

/** The lines through the points of the cost curves. */
export function curveTable({ curves }: PartialResults): Table | undefined {
  if (!curves) return undefined;
  const rows = (phase: string, list: readonly CostCurve[]) =>
    list.map(({ name, fit }) => [
      { text: name, detail: phase },
      { text: formatSeconds(Math.max(0, fit.start)) },
      { text: fit.slope < 0 ? `-${formatSeconds(-1024 * fit.slope)}` : formatSeconds(1024 * fit.slope) },
    ]);
  return {
    id: 'curve-fits',
    title: 'Cost against the position',
    columns: ['Part', 'At the start', 'Per 1,024 tokens more'],
    rows: [...rows('decode', curves.decode), ...rows('prefill', curves.prefill)],
    note: `Seconds per token on ${curves.model}: chunked layers see at most ${curves.chunk.toLocaleString('en')} tokens and start over at each chunk; global layers see all.`,
  };
}

/** Full Scout on this GPU, at each context length. */
export function scoutTable({ scout }: PartialResults, comparison: Comparison | undefined): Table | undefined {
  if (!scout) return undefined;
  const rates = scout.decode.map(({ tokensPerSecond }) => tokensPerSecond);
  return {
    id: 'scout',
    title: 'Full Scout on this GPU, estimated',
    columns: ['Context', 'Speed'],
    rows: scout.decode.map(({ context, tokensPerSecond }) => [
      { text: formatCount(context, 'token') },
      {
        text: formatSpeed(tokensPerSecond),
        bar: tokensPerSecond / Math.max(...rates),
        ratio: comparison?.scout(context, tokensPerSecond),
      },
    ]),
    note: `${FITS[scout.fits]} Prefill: ${formatSpeed(scout.prefillTokensPerSecond)}.`,
  };
}

const FITS = {
  yes: 'Its int4 weights fit.',
  no: 'Its int4 weights do not fit here: this is what the rates alone would allow.',
  unknown: 'WebGPU does not tell whether its int4 weights fit.',
} as const;
