/** What a layout of the weights takes, class by class, and what other layouts of the same weights would. */
import type { ModelTensors } from '../../checkpoint/model-tensors.ts';
import type { GpuMatrix } from '../../kernels/matrix.ts';
import { layOut, type WeightLayout } from '../layout/layout.ts';
import { MatrixJobs } from '../layout/matrix-jobs.ts';
import type { Requantization, WeightClass } from '../layout/storage.ts';

/** In the order of the forward pass. */
export const WEIGHT_CLASSES: readonly WeightClass[] = [
  'embedding',
  'attention',
  'norms',
  'router',
  'routed experts',
  'shared experts',
  'dense layers',
  'head',
];

export interface WeightBytes {
  readonly classes: Readonly<Record<WeightClass, number>>;
  readonly total: number;
  /** The largest buffer. */
  readonly largest: { readonly label: string; readonly bytes: number };
}

export function sizeWeights({ buffers }: Pick<WeightLayout, 'buffers'>): WeightBytes {
  const classes = Object.fromEntries(WEIGHT_CLASSES.map((name) => [name, 0])) as Record<WeightClass, number>;
  for (const buffer of buffers) {
    for (const name of WEIGHT_CLASSES) classes[name] += buffer.classes[name] ?? 0;
  }
  const largest = buffers.reduce((a, b) => (b.size > a.size ? b : a));
  return { classes, total: sum(Object.values(classes)), largest: { label: largest.label, bytes: largest.size } };
}

/** A lossy choice that has not been made, and the bytes that it would save. */
export interface Saving {
  readonly how: string;
  readonly saves: number;
}

const QUANTIZE_ON_LOAD = "quantizeOnLoad: 'int4' (lossy: feed-forward weights that are floats become int4)";
const INT8_BACKBONE = "recipe: 'int8-backbone' (lossy: attention, embedding and head that are floats become int8)";

/** The choices that are left, the one that saves most first; those that change nothing are left out. */
export function savingsLeft(tensors: ModelTensors, chosen: Requantization): Saving[] {
  const total = totalWith(tensors, chosen);
  const saving = (how: string, more: Requantization): Saving => ({
    how,
    saves: total - totalWith(tensors, { ...chosen, ...more }),
  });
  return [
    ...(chosen.quantizeOnLoad ? [] : [saving(QUANTIZE_ON_LOAD, { quantizeOnLoad: 'int4' })]),
    ...(chosen.recipe === 'int8-backbone' ? [] : [saving(INT8_BACKBONE, { recipe: 'int8-backbone' })]),
  ]
    .filter(({ saves }) => saves > 0)
    .sort((a, b) => b.saves - a.saves);
}

/** What is given up by these choices; undefined where they change nothing. */
export function lossOf(
  tensors: ModelTensors,
  { quantizeOnLoad, recipe }: Requantization,
): { readonly what: string; readonly saves: number } | undefined {
  const chosen = [quantizeOnLoad && QUANTIZE_ON_LOAD, recipe === 'int8-backbone' && INT8_BACKBONE];
  const what = chosen.filter(Boolean).join('; ');
  const saves = what === '' ? 0 : totalWith(tensors, {}) - totalWith(tensors, { quantizeOnLoad, recipe });
  return saves === 0 ? undefined : { what, saves };
}

/** In as few buffers as possible: what an adapter's limits add by cutting is the same for all choices but for some bytes. */
function totalWith(tensors: ModelTensors, { quantizeOnLoad, recipe }: Requantization): number {
  const options = { maxBytes: Number.POSITIVE_INFINITY, quantizeOnLoad, recipe };
  return sizeWeights(layOut(tensors, options, new MatrixJobs())).total;
}

/** If routed experts were fetched when a token needs them, into slots of one expert each. All sizes are bytes on the GPU. */
export interface PagedBytes {
  /** All but the routed experts: weights, keys and values, activations. */
  readonly resident: number;
  /** One expert of one layer. */
  readonly slot: number;
  /** The fewest that would do: one for each layer that has experts. */
  readonly leastSlots: number;
  /** `resident` and the fewest slots. */
  readonly least: number;
  /** Fetched for a token of which no expert is in its slot. */
  readonly readPerToken: number;
}

/** Undefined for a model without routed experts. @param total weights, keys and values, activations */
export function sizePaged({ buffers, weights }: WeightLayout, total: number): PagedBytes | undefined {
  const bytesOf = ({ shards }: GpuMatrix<number>): number =>
    sum(shards.map(({ buffer }) => buffers[buffer]!.classes['routed experts'] ?? 0));
  const layers = weights.layers.flatMap(({ feedForward }) => {
    if (feedForward.kind === 'dense') return [];
    const { gateUpProj, downProj } = feedForward.experts;
    return [{ bytes: bytesOf(gateUpProj) + bytesOf(downProj), experts: gateUpProj.numExperts! }];
  });
  if (layers.length === 0) return undefined;
  const resident = total - sum(layers.map(({ bytes }) => bytes));
  // Layers may be stored differently; a slot must hold the largest.
  const slot = Math.max(...layers.map(({ bytes, experts }) => bytes / experts));
  const readPerToken = sum(layers.map(({ bytes, experts }) => bytes / experts));
  return { resident, slot, leastSlots: layers.length, least: resident + layers.length * slot, readPerToken };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
