/** What tells one stored form of a matrix from another, as config.json declares it and as tensors show it. */
import { OutriderError } from '../../errors.ts';
import type { Matrix } from '../model-tensors.ts';
import type { Stored } from './tensor-index.ts';

export const GROUP_SIZES = [32, 64, 128] as const;
export type GroupSize = (typeof GROUP_SIZES)[number];

export type FormatName =
  | 'bf16'
  | 'f16'
  | 'f32'
  | 'compressed-tensors int4'
  | 'GPTQ int4'
  | 'AWQ int4'
  | 'MLX affine'
  | 'FP8'
  | 'compressed-tensors NVFP4'
  | 'ModelOpt NVFP4'
  | 'bitsandbytes NF4';

/** Where a field is undefined, a declaration leaves it open, or the format has no such thing. */
export interface Facts {
  readonly format: FormatName;
  readonly bits?: 4 | 8 | undefined;
  readonly groupSize?: number | undefined;
  readonly symmetric?: boolean | undefined;
  /** The columns were quantized in order of activation. */
  readonly ordered?: true | undefined;
  /** What one FP8 scale covers; a block is 128 x 128. */
  readonly scalePer?: 'channel' | 'block' | 'tensor' | undefined;
}

/** A matrix with what its tensors say of their form. */
export interface Found {
  readonly matrix: Matrix;
  readonly facts: Facts;
}

/**
 * The matrix [rows, cols] of one module. Throws `tensor_missing`, `tensor_mismatch` or `quantization_unsupported`; each names
 * the tensor.
 */
export type ReadMatrix = (stored: Stored, rows: number, cols: number, config: QuantizationConfig | undefined) => Found;

/** What `quantization_config` says, in the terms of the tensors. */
export interface QuantizationConfig {
  /** For people: `compressed-tensors`, `MLX`, ... */
  readonly method: string;
  /** Each quantized matrix must be as one of them says, unless it has an override. */
  readonly schemes: readonly Facts[];
  /** MLX: by the module's name without prefix; false: not quantized. */
  readonly overrides: ReadonlyMap<string, Facts | false>;
  /** How `qweight` is packed, which no tensor shows: the two libraries use the same names. */
  readonly qweight: Qweight | undefined;
  /** What the declaration asks for and is not done, one sentence each. */
  readonly notices: readonly string[];
}

export type Qweight =
  | {
      readonly packing: 'gptq';
      /** What is added to a stored zero point. */
      readonly zeroOffset: 0 | 1;
      /** `g_idx` decides the group of a column; else it only repeats what the column's place says. */
      readonly ordered: boolean;
    }
  | { readonly packing: 'awq'; readonly hasZeroPoints: boolean };

/** Throws `tensor_mismatch` where the configuration does not declare what a module's tensors show. */
export function checkDeclared(module: string, facts: Facts, config: QuantizationConfig | undefined): void {
  const override = config?.overrides.get(module);
  const schemes = override === undefined ? (config?.schemes ?? []) : override === false ? [] : [override];
  if (schemes.some((scheme) => matches(scheme, facts))) return;
  const declared = schemes.length === 0 ? 'no quantization' : schemes.map(describe).join(' or ');
  throw new OutriderError(
    'tensor_mismatch',
    `"${module}" is stored as ${describe(facts)}, but config.json declares ${declared}${override === undefined ? '' : ' for it'}. ` +
      'Config and weights are of different versions: download both again.',
    { details: { tensor: module, found: describe(facts), declared } },
  );
}

function matches(declared: Facts, found: Facts): boolean {
  return (Object.keys(declared) as (keyof Facts)[]).every(
    (key) => declared[key] === undefined || declared[key] === found[key],
  );
}

/** `compressed-tensors int4, groups of 128, symmetric` */
export function describe({ format, bits, groupSize, symmetric, ordered, scalePer }: Facts): string {
  const parts = [bits === undefined ? format : `${format} ${bits} bits`];
  if (groupSize !== undefined) parts.push(`groups of ${groupSize}`);
  if (symmetric !== undefined) parts.push(symmetric ? 'symmetric' : 'asymmetric');
  if (ordered) parts.push('in activation order');
  if (scalePer !== undefined) parts.push(`a scale per ${scalePer === 'block' ? '128 x 128 block' : scalePer}`);
  return parts.join(', ');
}

/** The refusal of a format that is not read. @param found what it is, e.g. `HQQ` */
export function unsupported(found: string, details: Readonly<Record<string, string>> = {}): OutriderError {
  const groups = `groups of ${GROUP_SIZES.join(', ')}`;
  return new OutriderError(
    'quantization_unsupported',
    `This checkpoint is quantized as ${found}. Read are bf16, f16 and f32; compressed-tensors int4 (${groups}), FP8 and ` +
      `NVFP4; ModelOpt NVFP4; MLX affine of 4 and 8 bits (${groups}); GPTQ and AWQ of 4 bits (${groups}); ` +
      'bitsandbytes NF4. Take one of those, or convert the original weights with "npm run convert".',
    { details: { found, ...details } },
  );
}

/** Short JSON for messages, whatever a hostile file holds. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
