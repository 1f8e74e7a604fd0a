/** A model as a whole: reading a prompt, writing tokens, one step taken apart, and what a person sees. Pure. */
import type { PartialResults, Roofline } from '../../../bench/results.ts';
import { shareOf } from '../../../bench/share.ts';
import { formatCount } from '../../shared/format.ts';
import type { Comparison } from '../comparison.ts';
import { groupByLabel } from '../step.ts';
import { formatNumber, formatScaled, formatSeconds, formatShare, formatSpeed } from '../units.ts';
import { rateCell } from './kernels.ts';
import type { Cell, Table } from './table.ts';

/** Said of the whole model, once for all its speeds. */
const CORRECT = {
  true: 'The greedy tokens equal those stored with the model.',
  false: 'The greedy tokens are not those stored with the model.',
  undefined: 'Nothing is stored with the model to compare its tokens with.',
} as const;

/** Prefill at each prompt length, decoding at each context length. */
export function modelTables(results: PartialResults, comparison: Comparison | undefined): Table[] {
  const { model, roofline } = results;
  if (!model || !roofline) return [];
  const longest = (rates: readonly number[]) => Math.max(...rates, 0);
  const prefillRates = model.prefill.map(({ tokens, seconds }) => tokens / seconds);
  const decodeRates = model.decode.map(({ seconds }) => 1 / seconds);
  const speed = (rate: number, rates: readonly number[], ratio: number | undefined): Cell => ({
    text: formatSpeed(rate),
    bar: rate / longest(rates),
    ratio,
    correct: model.correct,
  });
  return [
    {
      id: 'prefill',
      title: 'Prefill',
      columns: ['Prompt', 'Speed', 'Time', 'Rate', 'Share of the roofline'],
      rows: model.prefill.map(({ tokens, seconds, flops }, index) => [
        { text: formatCount(tokens, 'token') },
        speed(prefillRates[index]!, prefillRates, comparison?.prefill(results, tokens)),
        { text: formatSeconds(seconds) },
        { text: formatScaled(flops / seconds, 'FLOP/s') },
        {
          text: formatShare(flops / seconds / roofline.flopRate),
          bar: flops / seconds / roofline.flopRate,
          detail: 'of arithmetic',
        },
      ]),
    },
    {
      id: 'decode',
      title: 'Decode',
      columns: ['Context', 'Speed', 'Per token', 'Rate', 'Share of the roofline'],
      rows: model.decode.map((step, index) => [
        { text: formatCount(step.context, 'token') },
        speed(decodeRates[index]!, decodeRates, comparison?.decode(results, step.context)),
        { text: formatSeconds(step.seconds), detail: `${step.dispatches.toLocaleString('en')} dispatches` },
        rateCell(roofline, step),
        { text: formatShare(step.share), bar: step.share },
      ]),
      note: CORRECT[`${model.correct}`],
    },
  ];
}

/** One decode step, operation by operation, with the sum beside the real step. */
export function stepTable(results: PartialResults, comparison: Comparison | undefined): Table | undefined {
  const { model, roofline } = results;
  const step = model?.step;
  if (!step || !roofline) return undefined;
  const { context, sumSeconds, stepSeconds, timedBy } = step;
  return {
    id: 'step',
    title: 'One decode step',
    columns: ['Operation', 'Time', 'Part of the sum', 'Rate', 'Share of the roofline'],
    rows: groupByLabel(step.ops).map((op) => [
      { text: op.label, detail: `${op.kernels.join(', ')} × ${op.dispatches}` },
      { text: formatSeconds(op.seconds), ratio: comparison?.op(results, op) },
      { text: formatShare(op.seconds / sumSeconds), bar: op.seconds / sumSeconds },
      ...shareCells(roofline, op),
    ]),
    note: `Sum ${formatSeconds(sumSeconds)}; the real step took ${formatSeconds(stepSeconds)}, ${formatTimes(stepSeconds / sumSeconds)}. After ${formatCount(context, 'token')}; each dispatch alone, many times, timed by ${timedBy === 'clock' ? 'the clock' : 'GPU timestamps'}.`,
  };
}

/** Rate, and share of the roofline with its bar. */
export function shareCells(roofline: Roofline, work: Parameters<typeof rateCell>[1]): Cell[] {
  const share = shareOf(work, work.seconds, roofline);
  return [rateCell(roofline, work), { text: formatShare(share), bar: share }];
}

const formatTimes = (ratio: number): string => `${formatNumber(ratio)} times that`;

/** How an answer came into the page. */
export function answerTable(results: PartialResults, comparison: Comparison | undefined): Table | undefined {
  const answer = results.model?.answer;
  if (!answer) return undefined;
  return {
    id: 'answer',
    title: 'An answer in this page',
    columns: ['What', 'Measured'],
    rows: [
      [
        { text: 'Speed', detail: `${formatCount(answer.tokens, 'token')}, streamed` },
        { text: formatSpeed(answer.tokensPerSecond), ratio: comparison?.answer(results) },
      ],
      [{ text: 'First token' }, { text: formatSeconds(answer.firstTokenSeconds) }],
      [
        { text: 'Longest frame', detail: 'that the page took to draw while the answer came' },
        {
          text: formatSeconds(answer.longestFrameSeconds),
          detail: `median ${formatSeconds(answer.medianFrameSeconds)}`,
        },
      ],
    ],
  };
}
