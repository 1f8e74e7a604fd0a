/**
 * What each exporter stores for a Linear layer and for the routed experts, and what it writes into `quantization_config`.
 *
 * No header of a published checkpoint could be read while this was written. Where the sources leave a question open, the
 * ghost assumes:
 *
 * | question | assumption |
 * |---|---|
 * | what compressed-tensors recipes leave alone | attention, router, head, vision and projector, as in llm-compressor's Llama 4 recipe; embeddings are no Linear layers |
 * | `ignore` of compressed-tensors | every Linear layer that is not quantized, by its full name: the exporter resolves the recipe's patterns |
 * | `actorder` of the int4 recipe | `weight`: calibration only, no `weight_g_idx` is stored |
 * | dtype of fp8 scales | bf16, the model's own |
 * | Meta's fp8 Maverick | routed experts of every mixture layer; attention, shared experts and dense layers stay bf16 |
 * | fp8 in blocks | 128 x 128, one bf16 scale per started block |
 * | names in ModelOpt's export | without `language_model.`; vision and projector keep theirs |
 * | what ModelOpt excludes | attention, router, head, vision, projector |
 * | shapes of ModelOpt's scalars | `[]`; one per stacked tensor, one per Linear layer |
 * | MLX | mlx-lm's: no vision; whatever has rows of whole groups is quantized, router, head and embedding too |
 * | a config's other fields | of the Instruct models; `no_rope_layers` empty, `attn_temperature_tuning` 4, corrected `rope_scaling` |
 * | order of tensors | over files: as Transformers lists modules; inside a file: as the safetensors library sorts, by dtype, then name |
 * | files | at most 5 GB (mlx-lm: 5 GiB); a tensor larger than that gets a file of its own and does not end the file that is being filled |
 */
import type { Module, Part } from './modules.ts';
import type { GhostTensor } from './types.ts';

type Linear = Extract<Module, { kind: 'linear' }>;
type Experts = Extract<Module, { kind: 'experts' }>;
/** A matrix to store: W [rows = out, cols = in]. */
interface MatrixSpec {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
}

export interface GhostFormat {
  /** Before the text model's names. */
  readonly prefix: string;
  /** Of every header. */
  readonly producer: 'pt' | 'mlx';
  readonly keepsVision: boolean;
  /** Largest file, unless one tensor is larger. */
  readonly maxFileBytes: number;
  /** Linear layers of these parts are quantized. */
  readonly parts: readonly Part[];
  readonly matrix: (matrix: MatrixSpec) => GhostTensor[];
  readonly experts: (experts: Experts) => GhostTensor[];
  /** Where even the embedding is quantized. */
  readonly quantizesEmbedding: boolean;
  /** Fields to add to `config.json`. @param ignored Linear layers that are not quantized */
  readonly config: (ignored: readonly string[]) => Readonly<Record<string, unknown>>;
  /** Files beside the config, as JSON. */
  readonly companions?: (ignored: readonly string[]) => Readonly<Record<string, unknown>>;
}

export interface Int4Options {
  /** Default 128. */
  readonly groupSize?: number | undefined;
  /** Default true; false stores zero points. */
  readonly symmetric?: boolean | undefined;
  /** Default `weight`; `group` stores `weight_g_idx`. */
  readonly actorder?: 'weight' | 'group' | null | undefined;
}

const PUBLISHED = {
  prefix: 'language_model.',
  producer: 'pt',
  keepsVision: true,
  maxFileBytes: 5e9,
  quantizesEmbedding: false,
} as const;

const FEED_FORWARD: readonly Part[] = ['shared', 'dense'];

export function bf16Format(): GhostFormat {
  return {
    ...PUBLISHED,
    parts: [],
    matrix: plain,
    experts: ({ name, experts, hidden, intermediate }) => [
      { name: `${name}.gate_up_proj`, dtype: 'BF16', shape: [experts, hidden, 2 * intermediate], fill: 'weight' },
      { name: `${name}.down_proj`, dtype: 'BF16', shape: [experts, intermediate, hidden], fill: 'weight' },
    ],
    config: () => ({}),
  };
}

/** compressed-tensors `pack-quantized`. */
export function int4Format(options: Int4Options = {}): GhostFormat {
  const { groupSize = 128, symmetric = true, actorder = 'weight' } = options;
  const weights = weightArgs({
    num_bits: 4,
    type: 'int',
    symmetric,
    strategy: 'group',
    group_size: groupSize,
    actorder,
  });
  const matrix = ({ name, rows, cols }: MatrixSpec): GhostTensor[] => [
    { name: `${name}.weight_packed`, dtype: 'I32', shape: [rows, cols / 8], fill: 'bits' },
    { name: `${name}.weight_scale`, dtype: 'BF16', shape: [rows, cols / groupSize], fill: 'int4Scale' },
    ...(symmetric ? [] : [zeroPoints(name, rows, cols / groupSize)]),
    ...(actorder === 'group' ? [groupIndex(name, cols, groupSize)] : []),
    { name: `${name}.weight_shape`, dtype: 'I64', shape: [2], fill: { kind: 'int64', values: [rows, cols] } },
  ];
  return compressedTensors('pack-quantized', weights, null, matrix);
}

function zeroPoints(name: string, rows: number, groups: number): GhostTensor {
  return { name: `${name}.weight_zero_point`, dtype: 'I32', shape: [Math.ceil(rows / 8), groups], fill: 'bits' };
}

function groupIndex(name: string, cols: number, groupSize: number): GhostTensor {
  return { name: `${name}.weight_g_idx`, dtype: 'I32', shape: [cols], fill: { kind: 'groups', cols, groupSize } };
}

/** compressed-tensors fp8, one scale per row; activations quantized token by token when it runs. */
export function fp8Format(): GhostFormat {
  const weights = weightArgs({ num_bits: 8, type: 'float', symmetric: true, strategy: 'channel', group_size: null });
  const inputs = inputArgs({ num_bits: 8, type: 'float', symmetric: true, strategy: 'token', group_size: null });
  return compressedTensors('float-quantized', weights, inputs, fp8Channels);
}

/** Meta's own Maverick: fp8 per channel, routed experts only. */
export function metaFp8Format(): GhostFormat {
  return { ...fp8Format(), parts: [] };
}

/** compressed-tensors fp8 in blocks of 128 x 128. */
export function fp8BlockFormat(): GhostFormat {
  const float8 = { num_bits: 8, type: 'float', symmetric: true };
  const weights = weightArgs({ ...float8, strategy: 'block', group_size: null, block_structure: [128, 128] });
  const inputs = inputArgs({ ...float8, strategy: 'group', group_size: 128 });
  const blocks = (size: number): number => Math.ceil(size / 128);
  return compressedTensors('float-quantized', weights, inputs, ({ name, rows, cols }) => [
    { name: `${name}.weight`, dtype: 'F8_E4M3', shape: [rows, cols], fill: 'e4m3Weight' },
    { name: `${name}.weight_scale`, dtype: 'BF16', shape: [blocks(rows), blocks(cols)], fill: 'fp8Scale' },
  ]);
}

/** compressed-tensors `nvfp4-pack-quantized`. */
export function nvfp4Format(): GhostFormat {
  const args = { num_bits: 4, type: 'float', symmetric: true, strategy: 'tensor_group', group_size: 16 };
  const matrix = ({ name, rows, cols }: MatrixSpec): GhostTensor[] => [
    { name: `${name}.input_global_scale`, dtype: 'F32', shape: [1], fill: 'divisor' },
    { name: `${name}.weight_global_scale`, dtype: 'F32', shape: [1], fill: 'divisor' },
    { name: `${name}.weight_packed`, dtype: 'U8', shape: [rows, cols / 2], fill: 'bits' },
    { name: `${name}.weight_scale`, dtype: 'F8_E4M3', shape: [rows, cols / 16], fill: 'e4m3Scale' },
  ];
  const inputs = { ...inputArgs(args), dynamic: 'local' };
  return compressedTensors('nvfp4-pack-quantized', weightArgs(args), inputs, matrix);
}

/** ModelOpt's NVFP4: experts fused and [in, out], as in the bf16 checkpoint. */
export function modeloptFormat(): GhostFormat {
  const exclude = ['lm_head', 'model.layers.*.feed_forward.router', 'model.layers.*.self_attn*', ...VISION_PATTERNS];
  const args = { dynamic: false, num_bits: 4, type: 'float', group_size: 16 };
  const producer = { name: 'modelopt', version: '0.29.0' };
  return {
    ...PUBLISHED,
    prefix: '',
    parts: FEED_FORWARD,
    matrix: ({ name, rows, cols }) => [
      { name: `${name}.input_scale`, dtype: 'F32', shape: [], fill: 'factor' },
      { name: `${name}.weight`, dtype: 'U8', shape: [rows, cols / 2], fill: 'bits' },
      { name: `${name}.weight_scale`, dtype: 'F8_E4M3', shape: [rows, cols / 16], fill: 'e4m3Scale' },
      { name: `${name}.weight_scale_2`, dtype: 'F32', shape: [], fill: 'factor' },
    ],
    experts: ({ name, experts, hidden, intermediate }) => [
      ...modeloptStack(`${name}.gate_up_proj`, experts, hidden, 2 * intermediate),
      ...modeloptStack(`${name}.down_proj`, experts, intermediate, hidden),
    ],
    config: () => ({
      quantization_config: {
        config_groups: { group_0: { input_activations: args, weights: args, targets: ['Linear'] } },
        ignore: exclude,
        quant_algo: 'NVFP4',
        producer,
        quant_method: 'modelopt',
      },
    }),
    companions: () => ({
      'hf_quant_config.json': {
        producer,
        quantization: { quant_algo: 'NVFP4', kv_cache_quant_algo: null, group_size: 16, exclude_modules: exclude },
      },
    }),
  };
}

const VISION_PATTERNS = ['vision_model*', 'multi_modal_projector*'];

function modeloptStack(name: string, experts: number, cols: number, rows: number): GhostTensor[] {
  return [
    { name, dtype: 'U8', shape: [experts, cols / 2, rows], fill: 'bits' },
    { name: `${name}_input_scale`, dtype: 'F32', shape: [], fill: 'factor' },
    { name: `${name}_weight_scale`, dtype: 'F8_E4M3', shape: [experts, cols / 16, rows], fill: 'e4m3Scale' },
    { name: `${name}_weight_scale_2`, dtype: 'F32', shape: [], fill: 'factor' },
  ];
}

/** mlx-lm's affine 4 bit in groups of 64. */
export function mlx4Format(): GhostFormat {
  const quantization = { group_size: 64, bits: 4, mode: 'affine' };
  const stored = (name: string, shape: readonly number[], cols: number): GhostTensor[] => [
    { name: `${name}.weight`, dtype: 'U32', shape: [...shape, cols / 8], fill: 'bits' },
    { name: `${name}.scales`, dtype: 'BF16', shape: [...shape, cols / 64], fill: 'affineScale' },
    { name: `${name}.biases`, dtype: 'BF16', shape: [...shape, cols / 64], fill: 'affineBias' },
  ];
  return {
    prefix: 'language_model.',
    producer: 'mlx',
    keepsVision: false,
    maxFileBytes: 5 * 2 ** 30,
    quantizesEmbedding: true,
    parts: ['attention', 'router', 'shared', 'dense', 'head'],
    matrix: ({ name, rows, cols }) => stored(name, [rows], cols),
    experts: ({ name, experts, hidden, intermediate }) => [
      ...stored(`${name}.gate_proj`, [experts, intermediate], hidden),
      ...stored(`${name}.up_proj`, [experts, intermediate], hidden),
      ...stored(`${name}.down_proj`, [experts, hidden], intermediate),
    ],
    config: () => ({ quantization, quantization_config: quantization }),
  };
}

/** A Linear layer that is kept as it is. */
export function plain({ name, rows, cols }: MatrixSpec): GhostTensor[] {
  return [{ name: `${name}.weight`, dtype: 'BF16', shape: [rows, cols], fill: 'weight' }];
}

function fp8Channels({ name, rows, cols }: MatrixSpec): GhostTensor[] {
  return [
    { name: `${name}.weight`, dtype: 'F8_E4M3', shape: [rows, cols], fill: 'e4m3Weight' },
    { name: `${name}.weight_scale`, dtype: 'BF16', shape: [rows, 1], fill: 'fp8Scale' },
  ];
}

type Args = Readonly<Record<string, unknown>>;

function weightArgs(args: Args): Args {
  return { actorder: null, block_structure: null, dynamic: false, ...args, observer: 'minmax', observer_kwargs: {} };
}

function inputArgs(args: Args): Args {
  return { actorder: null, block_structure: null, dynamic: true, ...args, observer: null, observer_kwargs: {} };
}

/** Un-fused experts, feed-forward only. */
function compressedTensors(
  format: string,
  weights: Args,
  inputs: Args | null,
  matrix: (matrix: MatrixSpec) => GhostTensor[],
): GhostFormat {
  const group = { input_activations: inputs, output_activations: null, targets: ['Linear'], weights };
  return {
    ...PUBLISHED,
    parts: FEED_FORWARD,
    matrix,
    experts: (experts) => unfused(experts).flatMap(matrix),
    config: (ignored) => ({
      quantization_config: {
        config_groups: { group_0: group },
        format,
        global_compression_ratio: null,
        ignore: ignored,
        kv_cache_scheme: null,
        quant_method: 'compressed-tensors',
        quantization_status: 'compressed',
      },
    }),
  };
}

function unfused({ name, experts, hidden, intermediate }: Experts): MatrixSpec[] {
  return Array.from({ length: experts }, (_, expert): MatrixSpec[] => [
    { name: `${name}.${expert}.gate_proj`, rows: intermediate, cols: hidden },
    { name: `${name}.${expert}.up_proj`, rows: intermediate, cols: hidden },
    { name: `${name}.${expert}.down_proj`, rows: hidden, cols: intermediate },
  ]).flat();
}

/** All that is stored for one module. @returns `ignored`: it is a Linear layer that stays as it is */
export function storeModule(module: Module, format: GhostFormat): { tensors: GhostTensor[]; ignored: boolean } {
  if (module.kind === 'parameter') {
    return { tensors: [{ name: module.name, dtype: 'BF16', shape: module.shape, fill: module.fill }], ignored: false };
  }
  if (module.kind === 'experts') return { tensors: format.experts(module), ignored: false };
  if (module.kind === 'embedding') {
    return { tensors: format.quantizesEmbedding ? format.matrix(module) : plain(module), ignored: false };
  }
  const quantized = format.parts.includes(module.part);
  return { tensors: [...(quantized ? format.matrix(module) : plain(module)), ...biasOf(module)], ignored: !quantized };
}

function biasOf({ name, rows, bias }: Linear): GhostTensor[] {
  return bias ? [{ name: `${name}.bias`, dtype: 'BF16', shape: [rows], fill: 'weight' }] : [];
}
