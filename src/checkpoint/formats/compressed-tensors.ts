/** compressed-tensors' `quantization_config`: groups of modules, each with its own scheme. Only its weights matter here. */
import { isObject } from '../json.ts';
import { type Facts, GROUP_SIZES, type QuantizationConfig, show, unsupported } from './facts.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * `targets` and `ignore` are not looked at: which matrix is stored how, its tensors say, and both lists are known to be
 * wrong in published files. Throws `quantization_unsupported`.
 */
export function parseCompressedTensors(declared: Json): QuantizationConfig {
  refuseExtras(declared);
  const groups = isObject(declared.config_groups) ? Object.values(declared.config_groups) : [];
  if (groups.length === 0) throw unsupported('compressed-tensors without config_groups');
  const schemes = groups.map((group) => parseGroup(group, declared.format));
  const notices: string[] = [];
  if (groups.some((group) => isObject(group) && (group.input_activations ?? group.output_activations) != null)) {
    notices.push('config.json declares quantized activations: activations stay f32.');
  }
  if (declared.kv_cache_scheme != null) {
    notices.push('config.json declares a quantized KV cache: its scales are not used.');
  }
  return { method: 'compressed-tensors', schemes, overrides: new Map(), qweight: undefined, notices };
}

/** What would change the result if it were overlooked. */
function refuseExtras({ transform_config: transforms, sparsity_config: sparsity }: Json): void {
  if (isObject(transforms) && isObject(transforms.config_groups) && Object.keys(transforms.config_groups).length > 0) {
    throw unsupported('compressed-tensors with transforms (transform_config)');
  }
  if (isObject(sparsity) && sparsity.format !== undefined && sparsity.format !== 'dense') {
    throw unsupported(`compressed-tensors with sparsity format ${show(sparsity.format)}`);
  }
}

function parseGroup(group: unknown, globalFormat: unknown): Facts {
  const weights = isObject(group) ? group.weights : undefined;
  if (!isObject(group) || !isObject(weights)) throw unsupported('a config_group without weights');
  // Each group of a mixed-precision file names its own; other files may leave it to the whole.
  const format = group.format ?? (globalFormat === 'mixed-precision' ? undefined : globalFormat);
  const scheme = SCHEMES.find(({ type, bits }) => type === weights.type && bits === weights.num_bits);
  if (format !== undefined && !SCHEMES.some(({ formats }) => formats.includes(format as string))) {
    throw unsupported(`compressed-tensors in format ${show(format)}`);
  }
  if (scheme === undefined) throw unsupported(`${show(weights.type)} weights of ${show(weights.num_bits)} bits`);
  if (format !== undefined && !scheme.formats.includes(format as string)) {
    throw unsupported(`${show(weights.type)} weights of ${show(weights.num_bits)} bits in format ${show(format)}`);
  }
  return scheme.read(weights);
}

/** Weights -> the formats in which they are stored, and what to expect of their tensors. */
const SCHEMES: readonly { type: string; bits: number; formats: readonly string[]; read: (weights: Json) => Facts }[] = [
  { type: 'int', bits: 4, formats: ['pack-quantized'], read: readInt4 },
  { type: 'float', bits: 8, formats: ['float-quantized', 'naive-quantized'], read: readFp8 },
  { type: 'float', bits: 4, formats: ['nvfp4-pack-quantized'], read: readNvfp4 },
];

function readInt4({ strategy, group_size: size, symmetric, actorder }: Json): Facts {
  const groupSize = GROUP_SIZES.find((known) => known === size);
  if (strategy !== 'group' || groupSize === undefined) {
    throw unsupported(`int4 with strategy ${show(strategy)} and group_size ${show(size)}`);
  }
  // `true` was the first spelling of "group". "weight" and "static" only reorder the calibration.
  const ordered = actorder === 'group' || actorder === true ? true : undefined;
  return { format: 'compressed-tensors int4', groupSize, symmetric: symmetric !== false, ordered };
}

function readFp8({ strategy, block_structure: block }: Json): Facts {
  if (strategy === 'channel' || strategy === 'tensor') return { format: 'FP8', scalePer: strategy };
  if (strategy !== 'block') throw unsupported(`FP8 with strategy ${show(strategy)}`);
  if (!Array.isArray(block) || block.length !== 2 || block[0] !== 128 || block[1] !== 128) {
    throw unsupported(`FP8 in blocks of ${show(block)}`);
  }
  return { format: 'FP8', scalePer: 'block' };
}

function readNvfp4({ strategy, group_size: size }: Json): Facts {
  if (strategy === 'tensor_group' && size === 16) return { format: 'compressed-tensors NVFP4' };
  throw unsupported(`4-bit floats with strategy ${show(strategy)} and group_size ${show(size)}`);
}
