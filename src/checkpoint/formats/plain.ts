/**
 * The formats of most checkpoints: floats, and four-bit integers as compressed-tensors packs them, every matrix by itself. What
 * is stored otherwise, or not as it should be, is for `every.ts` to read, or to refuse by its name.
 */
import { findDeclaration } from '../declaration.ts';
import { readSingleExperts } from '../experts.ts';
import { indexByTextName } from '../names.ts';
import type { Formats } from '../roles.ts';
import type { Dtype, Tensor } from '../tensor.ts';
import { parseCompressedTensors } from './compressed-tensors.ts';
import { checkDeclared } from './facts.ts';
import { readFloat } from './floats.ts';
import { readPackQuantized } from './pack-quantized.ts';
import { FLOATS } from './tensor-index.ts';

export const PLAIN_FORMATS: Formats = {
  parseQuantization(configJson) {
    const declared = findDeclaration(configJson);
    return declared && parseCompressedTensors(declared);
  },
  readMatrix(stored, rows, cols, config) {
    if (!stored.has('weight_packed')) return readFloat(stored, rows, cols);
    const found = readPackQuantized(stored, rows, cols);
    checkDeclared(stored.module, found.facts, config);
    return found;
  },
  readExperts: readSingleExperts,
};

/** What a module's tensors may be called, and hold. */
const SUFFIXES = new Map<string, readonly Dtype[]>([
  ['weight', FLOATS],
  ['weight_packed', ['I32']],
  ['weight_scale', FLOATS],
  ['weight_zero_point', ['I32']],
  ['weight_shape', ['I64', 'I32']],
]);

/** Whether no more than PLAIN_FORMATS is needed. Throws `tensor_mismatch` where two tensors have the same name. */
export function isPlain(configJson: unknown, tensors: ReadonlyMap<string, Tensor>): boolean {
  const declared = findDeclaration(configJson);
  if (declared && declared.quant_method !== 'compressed-tensors') return false;
  const byName = indexByTextName(tensors.values());
  return [...byName].every(([name, { dtype }]) => {
    const dot = name.lastIndexOf('.');
    const suffix = name.slice(dot + 1);
    const isPacked = byName.has(`${name.slice(0, dot)}.weight_packed`);
    const isStacked = /\.experts\.\D/.test(name);
    return SUFFIXES.get(suffix)?.includes(dtype) && isPacked === (suffix !== 'weight') && !isStacked;
  });
}
