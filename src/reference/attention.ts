import type { Numbers } from './numbers.ts';

export interface AttentionDims {
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
}

/** Keys that a query may see: rows [first, end) of the keys and values. */
export interface KeyRange {
  readonly first: number;
  readonly end: number;
}

/** Causal attention of position `position`: all keys up to its own, or those of its own chunk. */
export function visibleKeys(position: number, chunk: number): KeyRange {
  const first = chunk === Number.POSITIVE_INFINITY ? 0 : Math.floor(position / chunk) * chunk;
  return { first, end: position + 1 };
}

/**
 * softmax(q k / sqrt(headDim)) v. Query head h reads key-value head floor(h / ratio).
 * q [tokens, heads, headDim], k and v [keys, kvHeads, headDim], ranges [tokens] -> [tokens, heads, headDim]
 */
export function attention(
  q: Numbers,
  k: Numbers,
  v: Numbers,
  ranges: readonly KeyRange[],
  dims: AttentionDims,
): Float64Array {
  const out = new Float64Array(q.length);
  ranges.forEach((range, token) => {
    for (let head = 0; head < dims.numAttentionHeads; head++) attendHead(q, k, v, token, head, range, dims, out);
  });
  return out;
}

/** One query head of one token: scores, a softmax that subtracts the largest, the weighted sum of values. */
function attendHead(
  q: Numbers,
  k: Numbers,
  v: Numbers,
  token: number,
  head: number,
  { first, end }: KeyRange,
  { numAttentionHeads, numKeyValueHeads, headDim }: AttentionDims,
  out: Float64Array,
): void {
  const query = (token * numAttentionHeads + head) * headDim;
  const kvHead = Math.floor(head / (numAttentionHeads / numKeyValueHeads));
  const keyAt = (row: number): number => (row * numKeyValueHeads + kvHead) * headDim;
  const weights = new Float64Array(end - first);
  for (let row = first; row < end; row++) {
    const key = keyAt(row);
    let score = 0;
    for (let dim = 0; dim < headDim; dim++) score += q[query + dim]! * k[key + dim]!;
    weights[row - first] = score / Math.sqrt(headDim);
  }
  const largest = weights.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let total = 0;
  for (let at = 0; at < weights.length; at++) total += weights[at] = Math.exp(weights[at]! - largest);
  for (let row = first; row < end; row++) {
    const weight = weights[row - first]! / total;
    const value = keyAt(row);
    for (let dim = 0; dim < headDim; dim++) out[query + dim]! += weight * v[value + dim]!;
  }
}
