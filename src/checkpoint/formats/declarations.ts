/** The `quantization_config` of every library but compressed-tensors. Each throws `quantization_unsupported`. */
import { isObject } from '../json.ts';
import { textName } from '../names.ts';
import { type Facts, GROUP_SIZES, type GroupSize, type QuantizationConfig, show, unsupported } from './facts.ts';

type Json = Readonly<Record<string, unknown>>;

const NOTHING_ELSE = { overrides: new Map<string, Facts | false>(), qweight: undefined, notices: [] };

/** `{ group_size, bits, mode?, "<module path>": { group_size, bits, mode? } | boolean }` */
export function parseMlx(declared: Json): QuantizationConfig {
  const overrides = new Map<string, Facts | false>();
  for (const [path, value] of Object.entries(declared)) {
    const module = textName(`${path}.weight`)?.slice(0, -'.weight'.length);
    if (module === undefined) continue; // a setting, or a part that is not the language model
    if (isObject(value)) overrides.set(module, readAffine({ ...declared, ...value }));
    else if (value === false) overrides.set(module, false);
  }
  return { ...NOTHING_ELSE, method: 'MLX', schemes: [readAffine(declared)], overrides };
}

function readAffine({ bits, group_size: size, mode = 'affine' }: Json): Facts {
  const groupSize = groupSizeOf(size);
  if (mode !== 'affine') throw unsupported(`MLX ${show(mode)}`);
  if (bits !== 4 && bits !== 8) throw unsupported(`MLX affine of ${show(bits)} bits`);
  if (groupSize === undefined) throw unsupported(`MLX affine in groups of ${show(size)}`);
  return { format: 'MLX affine', bits, groupSize };
}

export function parseGptq(declared: Json): QuantizationConfig {
  const { bits, group_size: size, desc_act: ordered, dynamic } = declared;
  const format = declared.checkpoint_format ?? 'gptq';
  const groupSize = groupSizeOf(size);
  if (bits !== 4) throw unsupported(`GPTQ of ${show(bits)} bits`);
  if (groupSize === undefined) throw unsupported(`GPTQ in groups of ${show(size)}`);
  if (format !== 'gptq' && format !== 'gptq_v2') throw unsupported(`GPTQ in checkpoint_format ${show(format)}`);
  return {
    ...NOTHING_ELSE,
    method: 'GPTQ',
    // `dynamic` gives single modules sizes of their own, by patterns: then the tensors alone say which.
    schemes: [{ format: 'GPTQ int4', groupSize: dynamic == null ? groupSize : undefined }],
    qweight: { packing: 'gptq', zeroOffset: format === 'gptq' ? 1 : 0, ordered: ordered === true },
  };
}

export function parseAwq(declared: Json): QuantizationConfig {
  const { bits = declared.w_bit, zero_point: zeroPoint = true } = declared;
  const size = declared.group_size ?? declared.q_group_size;
  const version = String(declared.version ?? 'gemm').toLowerCase();
  const groupSize = groupSizeOf(size);
  if (bits !== 4) throw unsupported(`AWQ of ${show(bits)} bits`);
  if (version !== 'gemm') throw unsupported(`AWQ in version ${show(version)}`);
  if (groupSize === undefined) throw unsupported(`AWQ in groups of ${show(size)}`);
  return {
    ...NOTHING_ELSE,
    method: 'AWQ',
    schemes: [{ format: 'AWQ int4', groupSize }],
    qweight: { packing: 'awq', hasZeroPoints: zeroPoint !== false },
  };
}

export function parseBitsandbytes(declared: Json): QuantizationConfig {
  const { load_in_8bit: is8bit, bnb_4bit_quant_type: type } = declared;
  if (is8bit === true) throw unsupported('bitsandbytes int8');
  if (type !== 'nf4') throw unsupported(`bitsandbytes ${show(type)}`);
  return { ...NOTHING_ELSE, method: 'bitsandbytes', schemes: [{ format: 'bitsandbytes NF4' }] };
}

const MODELOPT_SCHEMES: Readonly<Record<string, readonly Facts[]>> = {
  NVFP4: [{ format: 'ModelOpt NVFP4' }],
  FP8: [{ format: 'FP8', scalePer: 'tensor' }],
  MIXED_PRECISION: [{ format: 'ModelOpt NVFP4' }, { format: 'FP8', scalePer: 'tensor' }],
};

/** Flat, or inside `quantization` as hf_quant_config.json has it. */
export function parseModelOpt(declared: Json): QuantizationConfig {
  const inner = isObject(declared.quantization) ? declared.quantization : declared;
  const algorithm = inner.quant_algo;
  const schemes = typeof algorithm === 'string' ? MODELOPT_SCHEMES[algorithm.toUpperCase()] : undefined;
  if (schemes === undefined) throw unsupported(`ModelOpt ${show(algorithm)}`);
  const notices = ['config.json declares quantized activations: activations stay f32.'];
  if ((inner.kv_cache_quant_algo ?? inner.kv_cache_scheme) != null) {
    notices.push('config.json declares a quantized KV cache: its scales are not used.');
  }
  return { ...NOTHING_ELSE, method: 'ModelOpt', schemes, notices };
}

/** Transformers' own FP8 (with `weight_block_size`) and AutoFP8's (without). */
export function parseFp8(declared: Json): QuantizationConfig {
  const { weight_block_size: block, activation_scheme: activations } = declared;
  const isBlock = Array.isArray(block) && block.length === 2 && block[0] === 128 && block[1] === 128;
  if (block != null && !isBlock) throw unsupported(`FP8 in blocks of ${show(block)}`);
  const notices = activations == null ? [] : ['config.json declares quantized activations: activations stay f32.'];
  const schemes = [{ format: 'FP8', scalePer: isBlock ? 'block' : undefined } as const];
  return { ...NOTHING_ELSE, method: 'FP8', schemes, notices };
}

function groupSizeOf(value: unknown): GroupSize | undefined {
  return GROUP_SIZES.find((known) => known === value);
}
