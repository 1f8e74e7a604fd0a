import { embed } from './embed.ts';
import type { Numbers } from './numbers.ts';
import { seeded } from './random.ts';
import { type FloatType, floatMatrix, randomFloats } from './stored.ts';

/** A lookup in a table, or in a shard of it. */
export interface EmbedCase {
  readonly name: string;
  readonly vocabulary: number;
  readonly cols: number;
  /** Ids that are looked up. */
  readonly rows: number;
  /** Rows of the embedding that the binding holds. Default: all. */
  readonly shard?: { readonly first: number; readonly count: number };
}

/** A lookup in a table of floats as stored. */
export interface EmbedFloatCase extends EmbedCase {
  readonly type: FloatType;
}

/** Ids, h before, and h after: rows whose id the shard does not hold stay as they were. */
export interface EmbedData {
  readonly ids: Uint32Array;
  readonly table: Uint32Array;
  readonly h: Float32Array;
  readonly expected: Float64Array;
}

/** ids [rows], h and expected [rows, cols], for an embedding `matrix` that is the shard's. */
export function embedInto(
  testCase: EmbedCase,
  ids: Uint32Array,
  shard: { values: Numbers; cols: number; rows: number },
) {
  const h = seeded(`${testCase.name} before`).normals(ids.length * shard.cols);
  const expected = Float64Array.from(h);
  const first = testCase.shard?.first ?? 0;
  ids.forEach((id, row) => {
    const held = id >= first && id < first + shard.rows;
    if (held) expected.set(embed([id - first], shard), row * shard.cols);
  });
  return { h, expected };
}

/** Random ids that include the first and the last of the vocabulary. */
export function randomIds({ name, rows, vocabulary }: EmbedCase): Uint32Array {
  const random = seeded(`${name} ids`);
  return new Uint32Array(rows).map((_, row) => [0, vocabulary - 1][row] ?? random.below(vocabulary));
}

/** Makes a case's buffers, seeded by its name, and h afterwards. */
export function embedFloatData(testCase: EmbedFloatCase): EmbedData {
  const { name, vocabulary, cols, type, shard } = testCase;
  const rows = shard?.count ?? vocabulary;
  const table = randomFloats(seeded(name), rows * cols, type);
  const ids = randomIds(testCase);
  return { ids, table, ...embedInto(testCase, ids, floatMatrix(table, rows, cols, type)) };
}

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly EmbedFloatCase[] = [
  { name: 'one id, bf16', type: 'bf16', vocabulary: 7, cols: 8, rows: 1 },
  { name: 'a block, f16', type: 'f16', vocabulary: 100, cols: 520, rows: 37 },
  { name: 'a block, f32', type: 'f32', vocabulary: 50, cols: 264, rows: 20 },
  { name: 'a later shard, bf16', type: 'bf16', vocabulary: 90, cols: 64, rows: 40, shard: { first: 30, count: 25 } },
  { name: 'Scout hidden, bf16', type: 'bf16', vocabulary: 300, cols: 5120, rows: 3 },
];
