import { type AttentionDims, randomKv } from './attention.ts';
import { generate, type Numbers } from './numbers.ts';
import { seeded } from './random.ts';
import { rmsNorm } from './rms-norm.ts';

/** cos and sin of position * frequency. frequencies [pairs] -> [positions, pairs, 2] */
export function ropeTable(positions: ArrayLike<number>, frequencies: Float64Array): Float64Array {
  const pairs = frequencies.length;
  const table = new Float64Array(positions.length * pairs * 2);
  for (let row = 0; row < positions.length; row++) {
    for (let pair = 0; pair < pairs; pair++) {
      const angle = positions[row]! * frequencies[pair]!;
      table[2 * (row * pairs + pair)] = Math.cos(angle);
      table[2 * (row * pairs + pair) + 1] = Math.sin(angle);
    }
  }
  return table;
}

/**
 * Rotates the interleaved pairs (2j, 2j + 1) of every head by its token's angles: Llama 4 keeps Meta's order, so this
 * is not the half-rotation of Llama 2 and 3.
 * x [tokens, heads, headDim], table [tokens, headDim / 2, 2] -> [tokens, heads, headDim]
 */
export function rotate(x: Numbers, headDim: number, table: Numbers): Float64Array {
  const tokens = table.length / headDim;
  const width = x.length / tokens;
  const rotated = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += 2) {
    const angle = Math.floor(at / width) * headDim + (at % headDim);
    const [cos, sin] = [table[angle]!, table[angle + 1]!];
    rotated[at] = x[at]! * cos - x[at + 1]! * sin;
    rotated[at + 1] = x[at]! * sin + x[at + 1]! * cos;
  }
  return rotated;
}

/** Multiplies each token's row by its factor. x [tokens, width], factors [tokens] -> [tokens, width] */
export function scaleRows(x: Numbers, factors: Numbers): Float64Array {
  const width = x.length / factors.length;
  const scaled = new Float64Array(x.length);
  for (let at = 0; at < x.length; at++) scaled[at] = x[at]! * factors[Math.floor(at / width)]!;
  return scaled;
}

/** Fresh queries, keys and values of some rows, and the region that their keys and values go to. */
export interface RopeKvCase extends AttentionDims {
  readonly name: string;
  readonly rope: boolean;
  readonly qkNorm: boolean;
  readonly eps: number;
  /** Deviation of q and k: small ones show a wrong eps. Default 1. */
  readonly deviation?: number;
  /** Absolute position of the first row. */
  readonly position: number;
  readonly rows: number;
  /** Key-value slots: an attention chunk that restarts, or a segment that begins at position `first`. */
  readonly slots: number;
  readonly first?: number;
  /** How keys and values are stored. Default f32. */
  readonly kvDtype?: 'f16';
}

/** Buffers as the kernel binds them, before and after. */
export interface RopeKvData {
  /** [rows, heads + 2 * kvHeads, headDim] */
  readonly qkv: Float32Array;
  /** With RoPE [slots or positions, headDim / 2, 2], else query scales [positions]. */
  readonly table: Float32Array;
  readonly tableRows: number;
  /** [2, slots, kvHeads, headDim] as words */
  readonly kv: Uint32Array;
  /** Queries finished, keys and values as they were. */
  readonly expectedQkv: Float64Array;
  /** As numbers, before they are rounded to f16. */
  readonly expectedKv: Float64Array;
}

/** Splits rows of queries, keys and values. qkv [rows, heads + 2 * kvHeads, headDim] */
export function splitQkv(qkv: Numbers, { numAttentionHeads, numKeyValueHeads, headDim }: AttentionDims) {
  const widths = [numAttentionHeads, numKeyValueHeads, numKeyValueHeads].map((heads) => heads * headDim);
  const stride = widths.reduce((a, b) => a + b);
  const [q, k, v] = widths.map((width, part) => {
    const start = widths.slice(0, part).reduce((a, b) => a + b, 0);
    return generate(
      (qkv.length / stride) * width,
      (at) => qkv[Math.floor(at / width) * stride + start + (at % width)]!,
    );
  });
  return { q: q!, k: k!, v: v!, stride };
}

/** The largest finite f16: what lies beyond is stored as this. */
const MAX_F16 = 65504;

/** Makes a case's buffers, seeded by its name; rotates, then norms, then scales, as the forward pass does. */
export function ropeKvData(testCase: RopeKvCase): RopeKvData {
  const { name, headDim, numAttentionHeads, numKeyValueHeads, position, rows, slots, first } = testCase;
  const random = seeded(name);
  const qkv = random.normals(rows * (numAttentionHeads + 2 * numKeyValueHeads) * headDim, testCase.deviation);
  const kv = randomKv(random, 2 * slots * numKeyValueHeads * headDim, testCase.kvDtype);
  const tableRows = first === undefined ? slots : position + rows + 3;
  const table = random.normals(tableRows); // query scales
  const angles = new Float32Array(
    ropeTable(
      table.map((_, row) => row),
      generate(headDim / 2, (pair) => 0.3 ** pair),
    ),
  );
  const positions = generate(rows, (row) => position + row);
  let { q, k, v, stride } = splitQkv(qkv, testCase);
  if (testCase.rope) {
    const own = gather(
      angles,
      positions.map((at) => at % tableRows),
      headDim,
    );
    q = rotate(q, headDim, own);
    k = rotate(k, headDim, own);
  }
  if (testCase.qkNorm) {
    q = rmsNorm(q, headDim, testCase.eps);
    k = rmsNorm(k, headDim, testCase.eps);
  }
  if (!testCase.rope) q = scaleRows(q, gather(table, positions, 1));
  const expectedQkv = Float64Array.from(qkv);
  const expectedKv = Float64Array.from(kv.numbers);
  const most = testCase.kvDtype ? MAX_F16 : Number.POSITIVE_INFINITY;
  const bounded = (values: Float64Array) => values.map((value) => Math.max(-most, Math.min(most, value)));
  const kvWidth = numKeyValueHeads * headDim;
  positions.forEach((at, row) => {
    const slot = first === undefined ? at % slots : at - first;
    expectedQkv.set(q.subarray((row * q.length) / rows, ((row + 1) * q.length) / rows), row * stride);
    expectedKv.set(bounded(k.subarray(row * kvWidth, (row + 1) * kvWidth)), slot * kvWidth);
    expectedKv.set(bounded(v.subarray(row * kvWidth, (row + 1) * kvWidth)), (slots + slot) * kvWidth);
  });
  return { qkv, table: testCase.rope ? angles : table, tableRows, kv: kv.words, expectedQkv, expectedKv };
}

/** Rows `indices` of a table [rows, width]. */
function gather(table: Numbers, indices: Numbers, width: number): Float64Array {
  return generate(indices.length * width, (at) => table[indices[Math.floor(at / width)]! * width + (at % width)]!);
}

const scout = { numAttentionHeads: 40, numKeyValueHeads: 8, headDim: 128, eps: 1e-5 };

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly RopeKvCase[] = [
  {
    name: 'RoPE and norm, decoding',
    numAttentionHeads: 10,
    numKeyValueHeads: 2,
    headDim: 64,
    eps: 1e-5,
    rope: true,
    qkNorm: true,
    position: 77,
    rows: 1,
    slots: 32,
  },
  {
    name: 'small queries, where eps counts',
    numAttentionHeads: 4,
    numKeyValueHeads: 4,
    headDim: 32,
    eps: 1e-5,
    deviation: 2e-3,
    rope: true,
    qkNorm: true,
    position: 3,
    rows: 5,
    slots: 8,
  },
  {
    name: 'RoPE without norm, up to a chunk boundary',
    numAttentionHeads: 4,
    numKeyValueHeads: 2,
    headDim: 32,
    eps: 1e-5,
    rope: true,
    qkNorm: false,
    position: 40,
    rows: 24,
    slots: 64,
  },
  {
    name: 'RoPE in a segment (dense models)',
    numAttentionHeads: 6,
    numKeyValueHeads: 2,
    headDim: 64,
    eps: 1e-5,
    rope: true,
    qkNorm: true,
    position: 70,
    rows: 7,
    slots: 64,
    first: 64,
  },
  {
    name: 'temperature in a segment',
    numAttentionHeads: 3,
    numKeyValueHeads: 1,
    headDim: 36,
    eps: 1e-5,
    rope: false,
    qkNorm: false,
    position: 130,
    rows: 9,
    slots: 32,
    first: 128,
  },
  {
    name: 'f16, RoPE and norm in a chunk',
    numAttentionHeads: 10,
    numKeyValueHeads: 2,
    headDim: 64,
    eps: 1e-5,
    rope: true,
    qkNorm: true,
    position: 70,
    rows: 7,
    slots: 32,
    kvDtype: 'f16',
  },
  {
    name: 'f16, without norm, some beyond what f16 can hold',
    numAttentionHeads: 3,
    numKeyValueHeads: 1,
    headDim: 40,
    eps: 1e-5,
    deviation: 5e4,
    rope: false,
    qkNorm: false,
    position: 130,
    rows: 9,
    slots: 32,
    first: 128,
    kvDtype: 'f16',
  },
  { name: 'Scout, RoPE layer', ...scout, rope: true, qkNorm: true, position: 510, rows: 2, slots: 512 },
  { name: 'Scout, NoPE layer', ...scout, rope: false, qkNorm: false, position: 1030, rows: 3, slots: 512, first: 1024 },
];
