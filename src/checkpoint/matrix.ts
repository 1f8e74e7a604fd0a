/** One Linear layer's tensors: plain or int4, decided by which are there; every other format is recognised and refused. */
import { OutriderError } from '../errors.ts';
import type { FloatDtype, Matrix } from './model-tensors.ts';
import { indexByTextName } from './names.ts';
import { GROUP_SIZES, type QuantizationConfig, unsupported } from './quantization.ts';
import type { Dtype, Tensor } from './tensor.ts';

export type FloatTensor = Tensor & { readonly dtype: FloatDtype };

export class MatrixReader {
  readonly #tensors: ReadonlyMap<string, Tensor>;
  readonly #quantization: QuantizationConfig | undefined;

  constructor(tensors: Iterable<Tensor>, quantization: QuantizationConfig | undefined) {
    this.#tensors = indexByTextName(tensors);
    this.#quantization = quantization;
  }

  hasTensor(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** Whether a matrix is stored under this module name, in any of the formats that are read. */
  has(module: string): boolean {
    return this.hasTensor(`${module}.weight`) || this.hasTensor(`${module}.weight_packed`);
  }

  /** A tensor of floats with exactly this shape. */
  float(name: string, shape: readonly number[]): FloatTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw missing(name, this.#tensors);
    const { dtype } = tensor;
    if (dtype !== 'BF16' && dtype !== 'F16' && dtype !== 'F32')
      throw unsupported(formatOf(tensor), { tensor: tensor.name });
    checkShape(tensor, shape);
    return { ...tensor, dtype };
  }

  /** The matrix [rows, cols] of a Linear layer or an embedding. @param module its name without `.weight` */
  matrix(module: string, rows: number, cols: number): Matrix {
    const packed = this.#tensors.get(`${module}.weight_packed`);
    if (packed === undefined) {
      if (!this.hasTensor(`${module}.weight`)) this.#refuseOtherFormats(module);
      const weight = this.float(`${module}.weight`, [rows, cols]);
      return { kind: 'float', rows, cols, dtype: weight.dtype, weight, transposed: false };
    }
    if (this.hasTensor(`${module}.weight`)) {
      throw new OutriderError(
        'tensor_mismatch',
        `"${packed.name}" and a plain weight of the same name are both there. Keep one of them in the folder.`,
        { details: { tensor: packed.name } },
      );
    }
    return this.#int4(module, packed, rows, cols);
  }

  #int4(module: string, packed: Tensor, rows: number, cols: number): Matrix {
    const details = { tensor: packed.name };
    if (packed.dtype !== 'I32') throw unsupported(formatOf(packed), details);
    if (this.hasTensor(`${module}.weight_g_idx`))
      throw unsupported('int4 with activation order (weight_g_idx)', details);
    const groupSize = this.#groupSize(module, packed, cols);
    checkShape(packed, [rows, cols / 8]);
    const scales = this.float(`${module}.weight_scale`, [rows, cols / groupSize]);
    const zeroPoints = this.#tensors.get(`${module}.weight_zero_point`);
    if (zeroPoints !== undefined) {
      if (zeroPoints.dtype !== 'I32') throw unsupported(`int4 with ${zeroPoints.dtype} zero points`, details);
      checkShape(zeroPoints, [Math.ceil(rows / 8), cols / groupSize]);
    }
    this.#checkDeclared(packed.name, groupSize, zeroPoints === undefined);
    const packing = { packing: 'compressed-tensors', zeroOffset: 0, groupIndex: undefined, divisor: undefined } as const;
    return { kind: 'int4', rows, cols, groupSize, packed, scales, zeroPoints, ...packing };
  }

  /** As the scales' shape says: cols / groups. */
  #groupSize(module: string, packed: Tensor, cols: number): (typeof GROUP_SIZES)[number] {
    const scales = this.#tensors.get(`${module}.weight_scale`);
    if (scales === undefined) throw missing(`${module}.weight_scale`, this.#tensors);
    const groups = scales.shape[1] ?? 0;
    const groupSize = GROUP_SIZES.find((size) => size * groups === cols);
    if (groupSize === undefined) {
      const found = `int4 with ${groups} scales for rows of ${cols} weights, which is no whole group of ${GROUP_SIZES.join(', ')}`;
      throw unsupported(found, { tensor: packed.name });
    }
    return groupSize;
  }

  #checkDeclared(name: string, groupSize: number, symmetric: boolean): void {
    const schemes = this.#quantization?.schemes ?? [];
    if (schemes.some((scheme) => scheme.groupSize === groupSize && scheme.symmetric === symmetric)) return;
    const describe = (scheme: { groupSize: number; symmetric: boolean }): string =>
      `${scheme.symmetric ? 'symmetric' : 'asymmetric'} int4 in groups of ${scheme.groupSize}`;
    const declared = schemes.length === 0 ? 'no quantization' : schemes.map(describe).join(' or ');
    throw new OutriderError(
      'tensor_mismatch',
      `"${name}" is ${describe({ groupSize, symmetric })}, but config.json declares ${declared}. ` +
        'Config and weights are of different versions: download both again.',
      { details: { tensor: name, groupSize, symmetric } },
    );
  }

  /** MLX and ModelOpt stack the experts [experts, out, in] under names of their own. */
  refuseStackedExperts(at: string): void {
    const stacked = this.#tensors.get(`${at}.gate_proj.weight`) ?? this.#tensors.get(`${at}.gate_up_proj.weight`);
    if (stacked !== undefined) throw unsupported(formatOf(stacked), { tensor: stacked.name });
  }

  /** Formats that store a Linear without `weight` and without `weight_packed`. */
  #refuseOtherFormats(module: string): void {
    const qweight = this.#tensors.get(`${module}.qweight`);
    if (qweight === undefined) return;
    // AWQ packs along the columns and has no g_idx; GPTQ always stores one.
    throw unsupported(this.hasTensor(`${module}.g_idx`) ? 'GPTQ' : 'AWQ', { tensor: qweight.name });
  }
}

/** What a weight of this dtype usually is. */
function formatOf({ dtype, name }: Tensor): string {
  const formats: Partial<Record<Dtype, string>> = {
    F8_E4M3: 'fp8',
    F8_E5M2: 'fp8',
    I8: 'int8',
    U32: 'MLX (packed U32 weights)',
    U8: name.endsWith('weight_packed') ? 'NVFP4' : 'bytes (bitsandbytes, NVFP4 or MXFP4)',
  };
  return formats[dtype] ?? `${dtype} weights`;
}

function checkShape(tensor: Tensor, expected: readonly number[]): void {
  const { name, shape } = tensor;
  if (shape.length === expected.length && shape.every((size, axis) => size === expected[axis])) return;
  throw new OutriderError(
    'tensor_mismatch',
    `"${name}" has shape [${shape.join(', ')}], but config.json implies [${expected.join(', ')}]. ` +
      'Config and weights are of different models or versions: download both again.',
    { details: { tensor: name, shape, expected } },
  );
}

function missing(name: string, tensors: ReadonlyMap<string, Tensor>): OutriderError {
  return new OutriderError(
    'tensor_missing',
    `The checkpoint has no tensor whose name ends in "${name}" (of ${tensors.size} in the text model). ` +
      'Check that all shards are there and that config.json belongs to them.',
    { details: { tensor: name, tensors: tensors.size } },
  );
}
