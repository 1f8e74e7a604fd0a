import type { Numbers } from './numbers.ts';
import { type Random, seeded } from './random.ts';
import { floatMatrix, randomFloats } from './stored.ts';

/** Heads of a layer; numAttentionHeads is a multiple of numKeyValueHeads. */
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

/** Rows that attend to stored keys; every kind of region and every way to join partial results. */
export interface AttentionCase extends AttentionDims {
  readonly name: string;
  /** Absolute position of the first row; keys and values of all rows are stored. */
  readonly position: number;
  readonly rows: number;
  /** One region that restarts at each chunk boundary, or segments that follow each other from position 0. */
  readonly kind: 'chunked' | 'segments';
  /** Tokens per region: the attention chunk, or a segment. */
  readonly slots: number;
  /** Keys per partial result, for one row; undefined: partial results are carried along, for blocks. */
  readonly piece?: number;
  /** Deviation of queries and keys. Un-normed layers have large scores. Default 1. */
  readonly deviation?: number;
  /** How keys and values are stored. Default f32. */
  readonly kvDtype?: 'f16';
  /** Of a real model's size: worth timing. */
  readonly bench?: true;
  /** Worth the variants of real GPUs too where a software driver compiles them for ten seconds. */
  readonly everyVariant?: true | undefined;
}

/** Buffers as the kernels bind them, and the answer. */
export interface AttentionData {
  /** [rows, heads + 2 * kvHeads, headDim]; only the queries are read. */
  readonly qkv: Float32Array;
  /** Regions by position: each [2, slots, kvHeads, headDim] as words; slots beyond the last row hold other numbers. */
  readonly regions: readonly { readonly first: number; readonly kv: Uint32Array }[];
  /** [rows, heads, headDim] */
  readonly expected: Float64Array;
}

/** Makes a case's buffers, seeded by its name, and computes the answer as one softmax per row and head. */
export function attentionData(testCase: AttentionCase): AttentionData {
  const { name, numAttentionHeads, numKeyValueHeads, headDim, position, rows, kind, slots, deviation } = testCase;
  const random = seeded(name);
  const qkv = random.normals(rows * (numAttentionHeads + 2 * numKeyValueHeads) * headDim, deviation);
  const end = position + rows;
  const begin = kind === 'chunked' ? Math.floor((end - 1) / slots) * slots : 0; // position of the first stored key
  const slotWidth = numKeyValueHeads * headDim;
  const regions = Array.from({ length: Math.ceil((end - begin) / slots) }, (_, index) => {
    const keys = randomKv(random, slots * slotWidth, testCase.kvDtype, deviation);
    const values = randomKv(random, slots * slotWidth, testCase.kvDtype);
    const kv = new Uint32Array(keys.words.length + values.words.length);
    kv.set(keys.words);
    kv.set(values.words, keys.words.length);
    return { first: kind === 'chunked' ? 0 : index * slots, keys, values, kv };
  });
  const ranges = Array.from({ length: rows }, (_, row) => ({ first: 0, end: position + row + 1 - begin }));
  const queries = numAttentionHeads * headDim;
  const stride = qkv.length / rows;
  const q = concatenate(Array.from(ranges, (_, row) => qkv.subarray(row * stride, row * stride + queries)));
  const k = concatenate(regions.map(({ keys }) => keys.numbers));
  const v = concatenate(regions.map(({ values }) => values.numbers));
  return {
    qkv,
    regions,
    expected: attention(q, k, v, ranges, testCase),
  };
}

/** Random keys or values as they lie in a buffer, and as numbers. */
export function randomKv(random: Random, count: number, kvDtype: 'f16' | undefined, deviation?: number) {
  if (kvDtype === 'f16') {
    const words = randomFloats(random, count, 'F16', deviation);
    return { words, numbers: floatMatrix(words, 1, count, 'F16').values };
  }
  const numbers = random.normals(count, deviation);
  return { words: new Uint32Array(numbers.buffer), numbers };
}

/** One after the other. */
function concatenate(parts: readonly Numbers[]): Float32Array {
  const all = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const golden = { numAttentionHeads: 10, numKeyValueHeads: 2, headDim: 64 }; // 5 queries per key, as Scout
const even = { numAttentionHeads: 4, numKeyValueHeads: 4, headDim: 32 };
const triple = { numAttentionHeads: 6, numKeyValueHeads: 2, headDim: 128 };
const many = { numAttentionHeads: 16, numKeyValueHeads: 1, headDim: 64 }; // more than a workgroup takes of one key
const wide = { numAttentionHeads: 8, numKeyValueHeads: 1, headDim: 256 };
const scout = { numAttentionHeads: 40, numKeyValueHeads: 8, headDim: 128 };

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly AttentionCase[] = [
  { name: 'the first token', ...golden, position: 0, rows: 1, kind: 'chunked', slots: 32, piece: 16 },
  {
    name: 'the first token of a later chunk',
    ...golden,
    position: 96,
    rows: 1,
    kind: 'chunked',
    slots: 32,
    piece: 32,
    everyVariant: true,
  },
  {
    name: 'the last token of a chunk, ragged pieces',
    ...even,
    position: 299,
    rows: 1,
    kind: 'chunked',
    slots: 100,
    piece: 32,
  },
  { name: 'pieces longer than a tile', ...triple, position: 390, rows: 1, kind: 'chunked', slots: 400, piece: 200 },
  { name: 'a block in the middle of a chunk', ...golden, position: 75, rows: 20, kind: 'chunked', slots: 64 },
  { name: 'a block that fills its chunk', ...triple, position: 192, rows: 64, kind: 'chunked', slots: 64 },
  { name: 'one segment, not full', ...even, position: 37, rows: 1, kind: 'segments', slots: 64, piece: 16 },
  {
    name: 'segments, the last just begun',
    ...golden,
    position: 128,
    rows: 1,
    kind: 'segments',
    slots: 64,
    piece: 32,
    everyVariant: true,
  },
  { name: 'segments of odd pieces', ...triple, position: 250, rows: 1, kind: 'segments', slots: 96, piece: 48 },
  {
    name: 'a block that carries over segments',
    ...golden,
    position: 140,
    rows: 30,
    kind: 'segments',
    slots: 64,
    everyVariant: true,
  },
  { name: 'a block in the first segment', ...even, position: 0, rows: 33, kind: 'segments', slots: 256 },
  {
    name: 'large scores, as without norm',
    ...triple,
    position: 200,
    rows: 1,
    kind: 'segments',
    slots: 128,
    piece: 64,
    deviation: 4,
  },
  {
    name: 'large scores in a block',
    ...golden,
    position: 100,
    rows: 29,
    kind: 'segments',
    slots: 128,
    deviation: 4,
    everyVariant: true,
  },
  {
    name: 'a wide head of no power of two',
    numAttentionHeads: 3,
    numKeyValueHeads: 1,
    headDim: 200,
    position: 50,
    rows: 3,
    kind: 'chunked',
    slots: 64,
    everyVariant: true,
  },
  {
    name: 'f16 keys, decoding',
    ...golden,
    position: 130,
    rows: 1,
    kind: 'segments',
    slots: 64,
    piece: 32,
    kvDtype: 'f16',
    everyVariant: true,
  },
  {
    name: 'f16 keys, one piece',
    ...even,
    position: 211,
    rows: 1,
    kind: 'chunked',
    slots: 300,
    piece: 150,
    kvDtype: 'f16',
  },
  {
    name: 'f16 keys, a block',
    ...golden,
    position: 140,
    rows: 30,
    kind: 'segments',
    slots: 64,
    kvDtype: 'f16',
    everyVariant: true,
  },
  {
    name: 'f16 keys, large scores in a wide head',
    numAttentionHeads: 3,
    numKeyValueHeads: 1,
    headDim: 200,
    position: 90,
    rows: 3,
    kind: 'chunked',
    slots: 100,
    deviation: 4,
    kvDtype: 'f16',
  },
  {
    name: 'Scout, decoding with f16 keys',
    ...scout,
    position: 2048 + 1500,
    rows: 1,
    kind: 'chunked',
    slots: 2048,
    piece: 256,
    kvDtype: 'f16',
  },
  {
    name: 'Scout, decoding',
    ...scout,
    position: 2048 + 1500,
    rows: 1,
    kind: 'chunked',
    slots: 2048,
    piece: 256,
    bench: true,
  },
  { name: 'Scout, a block', ...scout, position: 504, rows: 8, kind: 'segments', slots: 512, bench: true },
  { name: 'sixteen queries per key', ...many, position: 77, rows: 1, kind: 'segments', slots: 64, piece: 32 },
  { name: 'sixteen queries per key, a block', ...many, position: 20, rows: 7, kind: 'chunked', slots: 128 },
  { name: 'the widest head', ...wide, position: 140, rows: 1, kind: 'chunked', slots: 256, piece: 128 },
  { name: 'the widest head, a block', ...wide, position: 90, rows: 7, kind: 'segments', slots: 64 },
  {
    name: 'a long block, no multiple of a tile',
    ...golden,
    position: 30,
    rows: 513,
    kind: 'chunked',
    slots: 600,
    everyVariant: true,
  },
  {
    name: 'a block from segment to segment',
    ...golden,
    position: 50,
    rows: 64,
    kind: 'segments',
    slots: 64,
    everyVariant: true,
  },
];
