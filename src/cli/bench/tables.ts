/** A bench's results as text. Pure. */
import { chunkMaxima, deviation, spread } from '../../bench/curves/fit.ts';
import type {
  BenchResults,
  CostCurve,
  CostCurves,
  KernelResult,
  ModelResult,
  OpTime,
  ScoutEstimate,
  StepProfile,
  TrueSizeResult,
} from '../../bench/results.ts';

export function formatResults(results: BenchResults): string {
  const { kernels, model, scout, curves, trueSize, warnings } = results;
  const parts = [
    formatAdapter(results),
    ...(kernels.length > 0 ? [formatKernels(kernels)] : []),
    ...(model ? [formatModel(model)] : []),
    ...(trueSize ? [formatTrueSize(trueSize)] : []),
    ...(curves ? [formatCurves(curves)] : []),
    ...(scout ? [formatScout(scout)] : []),
    ...warnings.map((warning) => `! ${warning}`),
  ];
  return parts.join('\n\n');
}

function formatAdapter({ adapter, roofline, variants, userAgent, outrider }: BenchResults): string {
  const { readRate, readBytes, flopRate, dispatchSeconds, roundTripSeconds } = roofline;
  const names = Object.entries(variants).map(([family, name]) => `${family} "${name}"`);
  return [
    `Outrider ${outrider}, ${userAgent}`,
    `${adapter.description || adapter.device || adapter.architecture || adapter.vendor}; f16 ${adapter.f16}, subgroups ${adapter.subgroups}`,
    `reads ${giga(readRate)} GB/s (${readBytes >> 20} MiB), computes ${giga(flopRate)} GFLOP/s, a dispatch ${micro(dispatchSeconds)} us, a round trip ${milli(roundTripSeconds)} ms`,
    `variants: ${names.join(', ')}`,
  ].join('\n');
}

function formatKernels(kernels: readonly KernelResult[]): string {
  const rows = kernels.map((one) => [
    one.kernel,
    one.case,
    one.variant,
    ...timeCells(one),
    one.error.toExponential(1),
    one.correct ? 'right' : 'WRONG',
  ]);
  return table(['kernel', 'case', 'variant', ...TIME_HEADS, 'error', ''], rows, 3);
}

function formatModel({ name, parameters, weightBytes, prefill, decode, step, correct }: ModelResult): string {
  const said = correct === undefined ? '' : correct ? ', greedy ids as stored' : ', greedy ids NOT as stored';
  const prompts = prefill.map(({ tokens, seconds, flops }) => [
    `prompt of ${tokens}`,
    milli(seconds),
    (tokens / seconds).toFixed(1),
    '',
    giga(flops / seconds),
    '',
    '',
  ]);
  const steps = decode.map(({ context, seconds, bytes, flops, dispatches, share }) => [
    `a token after ${context}`,
    milli(seconds),
    (1 / seconds).toFixed(1),
    giga(bytes / seconds),
    giga(flops / seconds),
    percent(share),
    `${dispatches}`,
  ]);
  const heads = ['', 'ms', 'tokens/s', 'GB/s', 'GFLOP/s', 'share', 'dispatches'];
  return [
    `${name}: ${mega(parameters.total)} M parameters, ${mega(parameters.active)} M active, ${mega(weightBytes)} MB${said}`,
    table(heads, [...prompts, ...steps], 1),
    ...(step ? ['', formatStep(step)] : []),
  ].join('\n');
}

function formatStep({ context, ops, sumSeconds, stepSeconds, timedBy }: StepProfile): string {
  return [
    `one token after ${context}, each operation alone (${timedBy}): ${milli(sumSeconds)} ms in all; the real step takes ${milli(stepSeconds)} ms`,
    table(['operation', 'kernel', 'n', ...TIME_HEADS], ops.map(opCells), 2),
  ].join('\n');
}

function formatTrueSize(result: TrueSizeResult): string {
  const { context, weightBytes, ops, sumSeconds, stepSeconds, tokenSeconds, tokenBytes, tokenDispatches } = result;
  const rows = ops.map((op) => [...opCells(op), `${op.times}`, milli(op.seconds * op.times)]);
  return [
    `two layers of Scout (int4, groups of 128) and its head, ${giga(weightBytes)} GB of weights, one token after ${context - 1} others`,
    table(['operation', 'kernel', 'n', ...TIME_HEADS, 'times', 'ms in 48 layers'], rows, 2),
    `both layers and the head: ${milli(sumSeconds)} ms operation by operation, ${milli(stepSeconds)} ms in one pass`,
    `48 layers and the head: ${milli(tokenSeconds)} ms a token by the sum, ${giga(tokenBytes)} GB, ${tokenDispatches} dispatches, ${giga(tokenBytes / tokenSeconds)} GB/s`,
  ].join('\n');
}

function formatCurves({ model, chunk, decode, prefill }: CostCurves): string {
  const describe = (phase: string) => (curve: CostCurve) => {
    const { name, points, fit } = curve;
    const own = name === 'chunked attention' ? chunk : undefined;
    const highest = chunkMaxima(points, chunk);
    return [
      `${phase}, ${name}`,
      (fit.start * 1e6).toFixed(1),
      (fit.slope * 1e9).toFixed(3),
      percent(deviation(points, fit, own)),
      own ? percent(spread(highest)) : '',
      highest.map((seconds) => (seconds * 1e6).toFixed(0)).join(' '),
    ];
  };
  const heads = ['seconds a token', 'start us', 'slope ns/token', 'off the line', 'maxima differ by', 'maxima us'];
  const rows = [...decode.map(describe('decode')), ...prefill.map(describe('prefill'))];
  const last = decode[0]?.points.at(-1)?.position ?? 0;
  return `cost curves to ${last + 1} tokens, chunks of ${chunk}: ${model}\n${table(heads, rows, 1)}`;
}

function formatScout({ fits, decode, prefillTokensPerSecond, formula }: ScoutEstimate): string {
  if (fits === 'no') return `Scout in int4 does not fit here: ${formula.join(' ')}`;
  const rates = decode.map(({ context, tokensPerSecond }) => `${rate(tokensPerSecond)} after ${context}`);
  return [
    `Scout in int4, if it is held: tokens/s ${rates.join(', ')}; a prompt ${rate(prefillTokensPerSecond)} tokens/s`,
    ...formula.map((line) => `  ${line}`),
  ].join('\n');
}

const TIME_HEADS = ['ms', 'MB', 'GB/s', 'GFLOP/s', 'share'];

type Timed = Pick<OpTime, 'seconds' | 'bytes' | 'flops' | 'share'>;

function timeCells({ seconds, bytes, flops, share }: Timed): string[] {
  return [milli(seconds), (bytes / 1e6).toPrecision(3), giga(bytes / seconds), giga(flops / seconds), percent(share)];
}

function opCells(op: OpTime): string[] {
  return [op.label, op.kernel, `${op.dispatches}`, ...timeCells(op)];
}

/** @param words columns of words, which come first; numbers stand to the right */
function table(heads: readonly string[], rows: readonly (readonly string[])[], words: number): string {
  const lines = [heads, ...rows];
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const pad = (cell: string, column: number) =>
    column < words ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  return lines.map((line) => line.map(pad).join('  ').trimEnd()).join('\n');
}

const giga = (value: number) => fixed(value / 1e9);
const mega = (value: number) => (value / 1e6).toFixed(1);
const milli = (seconds: number) => fixed(seconds * 1e3);
const micro = (seconds: number) => (seconds * 1e6).toFixed(1);
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
const rate = (perSecond: number) => perSecond.toPrecision(3);

/** Three digits, never an exponent. */
function fixed(value: number): string {
  const digits = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value))) + 1;
  return value.toFixed(Math.max(0, Math.min(6, 3 - digits)));
}
