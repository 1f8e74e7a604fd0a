/** What is written where, decided before the first weight is read: shapes alone fix every byte's place. */

import { unsupported } from '../../checkpoint/formats/facts.ts';
import type { FloatDtype } from '../../checkpoint/model-tensors.ts';
import type { Tensor } from '../../checkpoint/tensor.ts';
import { type HeaderLayout, layOutHeader, type TensorSpec, tensorBytes } from '../../checkpoint/write-header.ts';
import { OutriderError } from '../../errors.ts';
import { type Recipe, RecipeMatcher } from './recipe.ts';

/** A Linear weight [rows = out, cols = in] to write. */
export interface Part {
  readonly module: string;
  readonly rows: number;
  readonly cols: number;
  readonly quantized: boolean;
  /** Fused experts only: the first of its `rows` columns in the source. */
  readonly firstColumn: number;
}

/** One step of the work, and one line of the journal. */
export type Unit = { readonly id: string; readonly source: Tensor; readonly outputs: readonly TensorSpec[] } & (
  | { readonly kind: 'copy' }
  | { readonly kind: 'linear'; readonly part: Part }
  /** One expert [in, out] of a fused tensor [experts, in, out]. */
  | { readonly kind: 'expert'; readonly expert: number; readonly parts: readonly Part[] }
);

export interface Shard {
  /** File name. */
  readonly file: string;
  readonly layout: HeaderLayout;
}

export interface Plan {
  readonly units: readonly Unit[];
  readonly shards: readonly Shard[];
  /** For `quantization_config`. */
  readonly ignore: readonly string[];
  /** Patterns that no module matched. */
  readonly unmatched: readonly string[];
}

/** As Hugging Face splits: whole tensors, up to 5 GB a file. */
export const MAX_SHARD_BYTES = 5e9;

/**
 * Throws `quantization_unsupported` where a row of a matrix to quantize is no whole number of groups.
 * @param metadata of every shard's header
 */
export function planConversion(
  tensors: ReadonlyMap<string, Tensor>,
  recipe: Recipe,
  metadata: Readonly<Record<string, string>>,
  maxShardBytes = MAX_SHARD_BYTES,
): Plan {
  const matcher = new RecipeMatcher(recipe);
  const names = [...tensors.keys()].sort(new Intl.Collator('en', { numeric: true }).compare);
  const units = names.flatMap((name) => planTensor(tensors.get(name)!, recipe, matcher));
  const groups = splitByBytes(units, maxShardBytes);
  const digits = (n: number): string => String(n).padStart(5, '0');
  const shards = groups.map((group, i): Shard => {
    const file =
      groups.length === 1 ? 'model.safetensors' : `model-${digits(i + 1)}-of-${digits(groups.length)}.safetensors`;
    return {
      file,
      layout: layOutHeader(
        group.flatMap(({ outputs }) => outputs),
        metadata,
      ),
    };
  });
  return { units, shards, ignore: matcher.declaredIgnore(), unmatched: matcher.unmatched() };
}

function planTensor(source: Tensor, recipe: Recipe, matcher: RecipeMatcher): Unit[] {
  const { name, shape } = source;
  const fused = /^(.*\.experts\.)(gate_up_proj|down_proj)$/.exec(name);
  if (fused && shape.length === 3) return planExperts(source, fused[1]!, fused[2]!, recipe, matcher);
  // The embedding is a table, not a Linear layer.
  const isLinear = shape.length === 2 && name.endsWith('.weight') && !name.endsWith('embed_tokens.weight');
  const module = name.slice(0, -'.weight'.length);
  if (!isLinear || !matcher.quantizes(module)) return [{ kind: 'copy', id: name, source, outputs: [source] }];
  const part: Part = { module, rows: shape[0]!, cols: shape[1]!, quantized: true, firstColumn: 0 };
  return [{ kind: 'linear', id: name, source, part, outputs: partOutputs(part, source, recipe) }];
}

/** Fused experts are always taken apart, as compressed-tensors does, quantized or not. */
function planExperts(source: Tensor, base: string, which: string, recipe: Recipe, matcher: RecipeMatcher): Unit[] {
  const [numExperts, cols, width] = source.shape as [number, number, number];
  const projections = which === 'gate_up_proj' ? ['gate_proj', 'up_proj'] : ['down_proj'];
  const rows = width / projections.length;
  return Array.from({ length: numExperts }, (_, expert): Unit => {
    const parts = projections.map((projection, i): Part => {
      const module = `${base}${expert}.${projection}`;
      return { module, rows, cols, quantized: matcher.quantizes(module), firstColumn: i * rows };
    });
    const outputs = parts.flatMap((part) => partOutputs(part, source, recipe));
    return { kind: 'expert', id: `${source.name}[${expert}]`, source, expert, parts, outputs };
  });
}

function partOutputs(part: Part, source: Tensor, { groupSize }: Recipe): TensorSpec[] {
  const { module, rows, cols } = part;
  const dtype = floatDtype(source);
  if (!part.quantized) return [{ name: `${module}.weight`, dtype, shape: [rows, cols] }];
  if (cols % groupSize !== 0) {
    throw new OutriderError(
      'quantization_unsupported',
      `"${module}" has rows of ${cols} weights, which is no whole number of groups of ${groupSize}. ` +
        `Choose another --group-size, or keep it as it is with --ignore "re:.*${module.split('.').at(-1)}".`,
      { details: { tensor: source.name, cols, groupSize } },
    );
  }
  return [
    { name: `${module}.weight_packed`, dtype: 'I32', shape: [rows, cols / 8] },
    { name: `${module}.weight_scale`, dtype, shape: [rows, cols / groupSize] },
    { name: `${module}.weight_shape`, dtype: 'I64', shape: [2] },
  ];
}

export function floatDtype({ dtype, name }: Tensor): FloatDtype {
  if (dtype === 'BF16' || dtype === 'F16' || dtype === 'F32') return dtype;
  throw unsupported(`${dtype} weights`, { tensor: name });
}

/** Consecutive units together up to the limit; a unit that is larger gets a file of its own. */
function splitByBytes(units: readonly Unit[], limit: number): Unit[][] {
  const groups: Unit[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const unit of units) {
    const more = unit.outputs.reduce((sum, output) => sum + tensorBytes(output), 0);
    if (bytes + more > limit) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)!.push(unit);
    bytes += more;
  }
  return groups;
}
