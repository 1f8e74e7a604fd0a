/**
 * `quantization_config`: which formats are read, and how every other one is called, so that the refusal can say what
 * the checkpoint is.
 */
import { OutriderError } from '../errors.ts';
import { isObject } from './json.ts';

export const GROUP_SIZES = [32, 64, 128] as const;
export type GroupSize = (typeof GROUP_SIZES)[number];

/** compressed-tensors `pack-quantized`, int4 weights in groups along a row. */
export interface QuantizationConfig {
  /** One per entry of `config_groups`; each quantized matrix must match one of them. */
  readonly schemes: readonly { readonly groupSize: GroupSize; readonly symmetric: boolean }[];
}

/**
 * The quantization that a `config.json` declares; undefined where it declares none.
 * Throws `quantization_unsupported`, which names the format, for everything but compressed-tensors int4.
 */
export function parseQuantization(configJson: unknown): QuantizationConfig | undefined {
  const declared = findDeclaration(configJson);
  if (declared === undefined) return undefined;
  const { quant_method: method, format } = declared;
  if (method === undefined && 'bits' in declared && 'group_size' in declared) throw unsupported('MLX');
  if (method !== 'compressed-tensors') throw unsupported(`quant_method ${JSON.stringify(method ?? null)}`);
  if (format !== 'pack-quantized') throw unsupported(`compressed-tensors in format ${JSON.stringify(format ?? null)}`);
  refuseExtras(declared);
  const groups = isObject(declared.config_groups) ? Object.values(declared.config_groups) : [];
  if (groups.length === 0) throw unsupported('compressed-tensors without config_groups');
  return { schemes: groups.map(parseGroup) };
}

/** Where the various exporters put it. */
function findDeclaration(configJson: unknown): Readonly<Record<string, unknown>> | undefined {
  if (!isObject(configJson)) return undefined;
  const places = [configJson, configJson.text_config].filter(isObject);
  for (const place of places) {
    for (const key of ['quantization_config', 'compression_config', 'quantization']) {
      const value = place[key];
      if (isObject(value)) return value;
    }
  }
  return undefined;
}

/** What compressed-tensors can add to int4 weights, and what would change the result if it were overlooked. */
function refuseExtras(declared: Readonly<Record<string, unknown>>): void {
  const { kv_cache_scheme: kvCache, transform_config: transforms, sparsity_config: sparsity } = declared;
  if (kvCache != null) throw unsupported('compressed-tensors with a quantized KV cache (kv_cache_scheme)');
  if (isObject(transforms) && isObject(transforms.config_groups) && Object.keys(transforms.config_groups).length > 0) {
    throw unsupported('compressed-tensors with transforms (transform_config)');
  }
  if (isObject(sparsity) && sparsity.format !== undefined && sparsity.format !== 'dense') {
    throw unsupported(`compressed-tensors with sparsity format ${JSON.stringify(sparsity.format)}`);
  }
}

function parseGroup(group: unknown): QuantizationConfig['schemes'][number] {
  const weights = isObject(group) ? group.weights : undefined;
  if (!isObject(group) || !isObject(weights)) throw unsupported('a config_group without weights');
  const { num_bits: bits, type, strategy, group_size: size, actorder } = weights;
  const groupSize = GROUP_SIZES.find((supported) => supported === size);
  if (bits !== 4 || type !== 'int') throw unsupported(`${JSON.stringify(type)} weights of ${String(bits)} bits`);
  if (strategy !== 'group' || groupSize === undefined) {
    throw unsupported(`int4 with strategy ${JSON.stringify(strategy)} and group_size ${JSON.stringify(size)}`);
  }
  // `true` was the first spelling of "group". "weight" and "static" only reordered the calibration.
  if (actorder === 'group' || actorder === true) throw unsupported('int4 with activation order (actorder "group")');
  if (group.input_activations != null || group.output_activations != null) {
    throw unsupported('int4 weights with quantized activations');
  }
  if (group.format != null && group.format !== 'pack-quantized') {
    throw unsupported(`a config_group in format ${JSON.stringify(group.format)}`);
  }
  return { groupSize, symmetric: weights.symmetric !== false };
}

/** The refusal for a format that is not read. @param found what it is, e.g. `GPTQ` */
export function unsupported(found: string, details: Readonly<Record<string, string>> = {}): OutriderError {
  return new OutriderError(
    'quantization_unsupported',
    `This checkpoint is quantized as ${found}. Read are bf16, f16 and f32, and compressed-tensors pack-quantized int4 ` +
      `in groups of ${GROUP_SIZES.join(', ')}: convert the original weights with "npm run convert".`,
    { details: { found, ...details } },
  );
}
