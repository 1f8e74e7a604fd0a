/**
 * How large each checkpoint must be, from the published shapes and each format's rule alone: nothing here knows how the
 * ghost is built.
 */

/** Linear layer W [rows, cols]: how often, in what part of the model. */
interface LinearCount {
  readonly part: 'attention' | 'experts' | 'shared' | 'dense' | 'router' | 'head' | 'embedding';
  readonly count: number;
  readonly rows: number;
  readonly cols: number;
}

const HIDDEN = 5120;
const VOCAB = 202048;
const LAYERS = 48;

export interface Model {
  readonly experts: number;
  readonly moeLayers: number;
}

export const SCOUT: Model = { experts: 16, moeLayers: 48 };
export const MAVERICK: Model = { experts: 128, moeLayers: 24 };

function linears({ experts, moeLayers }: Model): LinearCount[] {
  const denseLayers = LAYERS - moeLayers;
  return [
    { part: 'embedding', count: 1, rows: VOCAB, cols: HIDDEN },
    { part: 'head', count: 1, rows: VOCAB, cols: HIDDEN },
    { part: 'attention', count: 2 * LAYERS, rows: 5120, cols: HIDDEN },
    { part: 'attention', count: 2 * LAYERS, rows: 1024, cols: HIDDEN },
    { part: 'router', count: moeLayers, rows: experts, cols: HIDDEN },
    { part: 'experts', count: 2 * moeLayers * experts, rows: 8192, cols: HIDDEN },
    { part: 'experts', count: moeLayers * experts, rows: HIDDEN, cols: 8192 },
    { part: 'shared', count: 2 * moeLayers, rows: 8192, cols: HIDDEN },
    { part: 'shared', count: moeLayers, rows: HIDDEN, cols: 8192 },
    { part: 'dense', count: 2 * denseLayers, rows: 16384, cols: HIDDEN },
    { part: 'dense', count: denseLayers, rows: HIDDEN, cols: 16384 },
  ];
}

/** Two norms a layer, and the last. */
const NORM_PARAMETERS = (2 * LAYERS + 1) * HIDDEN;

/** Vision, adapter and projector, parameter by parameter. */
export const VISION_PARAMETERS =
  1408 + // class_embedding
  577 * 1408 + // positional_embedding_vlm
  1408 * 588 + // patch_embedding
  4 * 1408 + // layernorm_pre, layernorm_post: weight and bias
  34 * (4 * (1408 * 1408 + 1408) + (5632 * 1408 + 5632) + (1408 * 5632 + 1408) + 4 * 1408) +
  4096 * 5632 +
  4096 * 4096 +
  5120 * 4096;

type Rule = (rows: number, cols: number) => number;

const bf16: Rule = (rows, cols) => 2 * rows * cols;
/** Nibbles, one bf16 scale a group, two numbers of 64 bits with the shape. */
const packed =
  (groupSize: number): Rule =>
  (rows, cols) =>
    (rows * cols) / 2 + (2 * rows * cols) / groupSize + 16;
/** Nibbles, bf16 scale and bias a group. */
const affine =
  (groupSize: number): Rule =>
  (rows, cols) =>
    (rows * cols) / 2 + (4 * rows * cols) / groupSize;
const fp8Channel: Rule = (rows, cols) => rows * cols + 2 * rows;
const fp8Block: Rule = (rows, cols) => rows * cols + 2 * Math.ceil(rows / 128) * Math.ceil(cols / 128);
/** Nibbles, one byte of scale for 16. */
const nvfp4: Rule = (rows, cols) => (rows * cols) / 2 + (rows * cols) / 16;
const TWO_F32 = 8;

function sum(model: Model, ruleOf: (part: LinearCount['part']) => Rule): number {
  return linears(model).reduce((total, { part, count, rows, cols }) => total + count * ruleOf(part)(rows, cols), 0);
}

/** Feed-forward only, vision and all else in bf16: what compressed-tensors recipes do. */
function feedForward(model: Model, rule: Rule, parts = ['experts', 'shared', 'dense']): number {
  return sum(model, (part) => (parts.includes(part) ? rule : bf16)) + 2 * (NORM_PARAMETERS + VISION_PARAMETERS);
}

/** Bytes of all tensors of a checkpoint. */
export const EXPECTED: Readonly<Record<string, (model: Model) => number>> = {
  bf16: (model) => feedForward(model, bf16),
  w4a16: (model) => feedForward(model, packed(128)),
  fp8: (model) => feedForward(model, fp8Channel),
  'fp8-block': (model) => feedForward(model, fp8Block),
  nvfp4: (model) => feedForward(model, (rows, cols) => nvfp4(rows, cols) + TWO_F32),
  /** The routed experts of a layer share two pairs of scalars. */
  'nvfp4-modelopt': (model) =>
    feedForward(model, (rows, cols) => nvfp4(rows, cols) + TWO_F32) -
    TWO_F32 * model.moeLayers * (3 * model.experts - 2),
  mlx4: (model) => sum(model, () => affine(64)) + 2 * NORM_PARAMETERS,
  /** Meta's own fp8: routed experts only. */
  'meta-fp8': (model) => feedForward(model, fp8Channel, ['experts']),
};

/** Parameters of the text model, or of some of its parts. */
export function parameters(model: Model, parts?: readonly string[]): number {
  const all = linears(model).filter(({ part }) => !parts || parts.includes(part));
  return all.reduce((total, { count, rows, cols }) => total + count * rows * cols, parts ? 0 : NORM_PARAMETERS);
}

/** As the table of storage has it: attention and feed-forward at so many bits a weight, router and norms in bf16. */
export function storage(model: Model, bits: number, vocabularyBits?: number): number {
  const layers = (parameters(model, ['attention', 'experts', 'shared', 'dense']) * bits) / 8;
  if (vocabularyBits === undefined) return layers;
  const vocabulary = (parameters(model, ['embedding', 'head']) * vocabularyBits) / 8;
  return layers + vocabulary + 2 * (parameters(model, ['router']) + NORM_PARAMETERS);
}
