/** What the embedding kernels share: one kind of case, one way to make data. The oracle is embed.ts. */
import type { Storage } from '../kernels/matrix.ts';
import { embed } from './embed.ts';
import { seeded } from './random.ts';
import { randomMatrix } from './random-matrix.ts';

/** A lookup in a table, or in a shard of it. */
export interface EmbedCase {
  readonly name: string;
  readonly weights: Storage;
  readonly vocabulary: number;
  readonly cols: number;
  /** Ids that are looked up. */
  readonly rows: number;
  /** Rows of the embedding that the binding holds. Default: all. */
  readonly shard?: { readonly first: number; readonly count: number };
}

/** Ids, h before, and h after: rows whose id the shard does not hold stay as they were. */
export interface EmbedData {
  /** [rows] */
  readonly ids: Uint32Array;
  /** The shard. */
  readonly table: Uint32Array;
  /** [rows, cols] */
  readonly h: Float32Array;
  /** [rows, cols] */
  readonly expected: Float64Array;
}

/** Makes a case's buffers, seeded by its name, and h afterwards. */
export function embedData({ name, weights, vocabulary, cols, rows, shard }: EmbedCase): EmbedData {
  const { first, count } = shard ?? { first: 0, count: vocabulary };
  const shape = { rows: count, cols, paired: false, deviation: 1 };
  const { blob, matrix } = randomMatrix(seeded(name), weights, shape);
  const ids = randomIds(name, rows, vocabulary);
  const h = seeded(`${name} before`).normals(rows * cols);
  const expected = Float64Array.from(h);
  ids.forEach((id, row) => {
    if (id >= first && id < first + count) expected.set(embed([id - first], matrix), row * cols);
  });
  return { ids, table: blob, h, expected };
}

/** Random ids that include the first and the last of the vocabulary. */
function randomIds(name: string, rows: number, vocabulary: number): Uint32Array {
  const random = seeded(`${name} ids`);
  return new Uint32Array(rows).map((_, row) => [0, vocabulary - 1][row] ?? random.below(vocabulary));
}
