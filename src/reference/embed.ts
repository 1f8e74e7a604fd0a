import type { Matrix } from './numbers.ts';

/** Rows `ids` of the embedding [vocabulary, width] -> [tokens, width]. Throws RangeError on an id outside it. */
export function embed(ids: ArrayLike<number>, embedTokens: Matrix): Float64Array {
  const { rows, cols, values } = embedTokens;
  const hidden = new Float64Array(ids.length * cols);
  for (let token = 0; token < ids.length; token++) {
    const id = ids[token]!;
    if (!(id >= 0 && id < rows)) throw new RangeError(`id ${id} is outside the vocabulary of ${rows}`);
    hidden.set(values.subarray(id * cols, (id + 1) * cols), token * cols);
  }
  return hidden;
}
