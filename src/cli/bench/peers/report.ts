/** The comparison for people: rates, ratios, what the issue asks of them, and whether the answers are the same. */
import {
  type KernelsResult,
  MEASURES,
  type Measure,
  type ModelResult,
  type ProductCase,
  type ProductComparison,
  type ProductTime,
  type Subject,
  type SubjectResult,
} from './types.ts';

const COLUMNS = [15, 26, 26, 26];
/** Of the names of variants. */
const WIDEST = 22;

export function formatModel(result: ModelResult): string {
  const { model, busy, subjects } = result;
  const rows = subjects.map(({ subject, rates }) => [
    subject,
    ...rates.map(({ median, best, own }) => `${round(median)} (${round(best)}, own ${round(own)})`),
  ]);
  const peers = subjects.filter(({ subject }) => subject !== 'outrider');
  const ratios = peers.map(({ subject }) => [
    `x ${subject}`,
    ...MEASURES.map((measure) => describeRatio(ratioOf(result, subject, measure))),
  ]);
  return [
    `Model ${model}, tokens per second: median (best, median by its own clock); ${Math.round(100 * busy)} % of the cores were busy with other things`,
    line(['', ...MEASURES.map(({ kind, tokens }) => `${kind} ${tokens}`)]),
    ...[...rows, ...ratios].map(line),
    ...subjects.map(
      ({ subject, weights, loadMs, crashes }) =>
        `  ${subject}: ${weights}; loaded in ${(loadMs / 1000).toFixed(1)} s${crashes > 0 ? `; failed ${crashes} times and was loaded anew` : ''}`,
    ),
    ...peers.map((peer) => `  ${describeAnswers(subjectOf(result, 'outrider'), peer)}`),
  ].join('\n');
}

export function formatKernels({ roofline, comparisons }: KernelsResult): string {
  const { readRate, flopRate } = roofline;
  const head = `Kernels; in the same run ${giga(readRate)} GB/s of vec4 reads, ${giga(flopRate)} GFLOP/s`;
  return [head, ...comparisons.map(formatComparison)].join('\n');
}

export function formatComparison({ peer, own, ...product }: ProductComparison): string {
  const times = own.map((time) => `${describeTime(time)}${time.only ? '' : `; ${describeTimes(peer, time)}`}`);
  return [`  ${describeProduct(product)}`, ...[describeTime(peer), ...times].map((text) => `    ${text}`)].join('\n');
}

export function describeProduct({ rows, cols, tokens, block, activations }: ProductCase): string {
  const times = tokens === 1 ? 'a vector' : `${tokens} tokens`;
  return `int4 ${rows} x ${cols} times ${times}, groups of ${block}, ${activations} activations`;
}

function describeTime({ name, only, median, best, share, error }: ProductTime): string {
  const times = `${(1e3 * median).toFixed(2)} ms (best ${(1e3 * best).toFixed(2)})`;
  const what = only ? `  its ${only} alone` : name;
  const exactness = error === undefined ? '' : `, error ${error.toExponential(0)}`;
  return `${what.padEnd(WIDEST)} ${times}, ${Math.round(100 * share)} % of the roofline${exactness}`;
}

const describeTimes = (peer: ProductTime, own: ProductTime) =>
  `${(peer.median / own.median).toFixed(2)} x ${peer.name}`;
const giga = (rate: number) => (rate / 1e9).toFixed(2);

/** How many times as fast this engine is; undefined where the peer did not compute where it should have. */
export function ratioOf(result: ModelResult, peer: Subject, measure: Measure): number | undefined {
  const other = subjectOf(result, peer);
  if (peer === 'wllama-webgpu' && !other.onGpu) return undefined;
  const index = MEASURES.indexOf(measure);
  return subjectOf(result, 'outrider').rates[index]!.median / other.rates[index]!.median;
}

/** The place of the first differing id of each pair of answers; undefined where all are equal. */
export function partings(one: SubjectResult, other: SubjectResult): (number | undefined)[] {
  return one.answers.map((ids, answer) => {
    const place = ids.findIndex((id, index) => id !== other.answers[answer]![index]);
    return place < 0 ? undefined : place;
  });
}

function describeAnswers(one: SubjectResult, other: SubjectResult): string {
  const places = partings(one, other);
  const parted = places.flatMap((place, answer) => {
    if (place === undefined) return [];
    const [ours, theirs] = [one, other].map(({ answers }) => answers[answer]![place]);
    return [`answer ${answer} from token ${place} on (${ours} here, ${theirs} there)`];
  });
  const equal = places.length - parted.length;
  const end = parted.length > 0 ? `; they part in ${parted.join(', ')}` : '';
  return `greedy answers equal to ${other.subject}'s: ${equal} of ${places.length}${end}`;
}

function subjectOf({ subjects }: ModelResult, wanted: Subject): SubjectResult {
  return subjects.find(({ subject }) => subject === wanted)!;
}

const describeRatio = (ratio: number | undefined) => (ratio === undefined ? 'on the CPU' : `${ratio.toFixed(2)} x`);
const round = (value: number) => value.toFixed(value < 100 ? 1 : 0);
const line = (cells: readonly string[]) =>
  `  ${cells.map((cell, index) => cell.padEnd(COLUMNS[index]!)).join(' ')}`.trimEnd();
