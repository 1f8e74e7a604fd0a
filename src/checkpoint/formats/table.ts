/**
 * Every format of a Linear layer's weight: how its tensors are recognised, and who reads them. What config.json declares
 * is compared afterwards; only GPTQ and AWQ, which name their tensors alike, are told apart by it.
 */
import { OutriderError } from '../../errors.ts';
import type { Dtype } from '../tensor.ts';
import { readAffine } from './affine.ts';
import { checkDeclared, type Found, type QuantizationConfig, type ReadMatrix, unsupported } from './facts.ts';
import { readFloat } from './floats.ts';
import { NF4_STATE, readNf4 } from './nf4.ts';
import { readPackQuantized } from './pack-quantized.ts';
import { readAwq, readGptq, withDivisor } from './qweight.ts';
import { readFp8, readModelOptNvfp4, readNvfp4 } from './scaled-floats.ts';
import { checked, FLOATS, type Stored } from './tensor-index.ts';

interface Format {
  /** The tensor that holds the codes. */
  readonly weight: 'weight' | 'weight_packed' | 'qweight';
  /** Undefined: any. */
  readonly dtypes?: readonly Dtype[];
  /** A tensor that only this format has beside it. */
  readonly beside?: string;
  /** `quantization_config` must say so. */
  readonly packing?: 'gptq' | 'awq';
  /** Read without a declaration too: the tensors leave nothing open, and exporters put it elsewhere. */
  readonly undeclared?: true;
  /** A string: recognised so that it can be refused by name. */
  readonly read: ReadMatrix | string;
}

/** The first that fits. */
const FORMATS: readonly Format[] = [
  { weight: 'weight', beside: NF4_STATE, undeclared: true, read: readNf4 },
  { weight: 'weight', beside: 'weight.quant_state.bitsandbytes__fp4', read: 'bitsandbytes FP4' },
  { weight: 'weight', beside: 'SCB', read: 'bitsandbytes int8' },
  { weight: 'weight', beside: 'pre_quant_scale', read: 'ModelOpt with scaled inputs (pre_quant_scale)' },
  { weight: 'weight', dtypes: FLOATS, beside: 'weight_scale', read: 'floats with a weight_scale, not yet compressed' },
  { weight: 'weight', dtypes: FLOATS, undeclared: true, read: readFloat },
  { weight: 'weight', dtypes: ['F8_E4M3'], undeclared: true, read: readFp8 },
  { weight: 'weight', dtypes: ['F8_E5M2'], read: 'FP8 E5M2' },
  { weight: 'weight', dtypes: ['U32'], beside: 'biases', read: readAffine },
  { weight: 'weight', dtypes: ['U32'], read: 'MLX without biases (mxfp4, mxfp8 or nvfp4)' },
  { weight: 'weight', dtypes: ['U8'], beside: 'weight_scale_2', undeclared: true, read: readModelOptNvfp4 },
  { weight: 'weight', dtypes: ['I8'], read: 'int8' },
  { weight: 'weight', dtypes: ['U8'], read: 'bytes of an unknown format (U8)' },
  { weight: 'weight_packed', dtypes: ['I32'], read: readPackQuantized },
  { weight: 'weight_packed', dtypes: ['U8'], beside: 'weight_global_scale', read: readNvfp4 },
  { weight: 'weight_packed', dtypes: ['U8'], read: 'MXFP4' },
  { weight: 'qweight', dtypes: ['I32'], packing: 'gptq', read: readGptq },
  { weight: 'qweight', dtypes: ['I32'], packing: 'awq', read: readAwq },
  { weight: 'qweight', read: 'GPTQ or AWQ (qweight), whichever config.json does not say' },
];

/** Tensors of formats that have no `weight` at all. */
const OTHERS: Readonly<Record<string, string>> = {
  W_q: 'HQQ',
  codebooks: 'AQLM',
  weight_blocks: 'MXFP4',
  trellis: 'EXL3',
  q_weight: 'EXL2',
};

/** Of every format that is known. */
export const readMatrix: ReadMatrix = (stored, rows, cols, config) => {
  const format = recognise(stored, config);
  if (typeof format.read === 'string') {
    throw unsupported(format.read, { tensor: stored.requireWhole(format.weight).name });
  }
  const found = format.read(stored, rows, cols, config);
  const isFree = found.matrix.kind === 'float' || (config === undefined && format.undeclared);
  if (!isFree) checkDeclared(stored.module, found.facts, config);
  return withActivationScales(stored, found);
};

/** AutoAWQ scales the activation of a feed-forward, which is a divisor of its up projection. */
function withActivationScales({ index, module }: Stored, found: Found): Found {
  const name = module.replace(/up_proj$/, 'activation_fn.scales');
  if (name === module || !index.has(name)) return found;
  const divisor = checked(index.require(name), FLOATS, [found.matrix.rows]);
  return { ...found, matrix: withDivisor(found.matrix, divisor) };
}

function recognise(stored: Stored, config: QuantizationConfig | undefined): Format {
  const names = (['weight', 'weight_packed', 'qweight'] as const).filter((suffix) => stored.has(suffix));
  if (names.length > 1) {
    const { name } = stored.requireWhole(names[1]!);
    throw new OutriderError(
      'tensor_mismatch',
      `"${name}" and "${stored.module}.${names[0]}" are both there. Keep one of them in the folder.`,
      { details: { tensor: name } },
    );
  }
  const [weight] = names;
  if (weight === undefined) throw absent(stored);
  const { dtype, name } = stored.requireWhole(weight);
  const format = FORMATS.find(
    (row) =>
      row.weight === weight &&
      (row.dtypes?.includes(dtype) ?? true) &&
      (row.beside === undefined || stored.has(row.beside)) &&
      (row.packing === undefined || row.packing === config?.qweight?.packing),
  );
  if (format === undefined) throw unsupported(`${dtype} weights`, { tensor: name });
  return format;
}

function absent(stored: Stored): OutriderError {
  const other = Object.keys(OTHERS).find((suffix) => stored.has(suffix));
  if (other === undefined) return stored.index.missing(`${stored.module}.weight`);
  return unsupported(OTHERS[other]!, { tensor: stored.requireWhole(other).name });
}
