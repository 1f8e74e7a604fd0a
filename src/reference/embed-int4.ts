import { type EmbedCase, type EmbedData, embedInto, randomIds } from './embed-float.ts';
import { seeded } from './random.ts';
import { type Int4Format, type Int4Layout, int4Layout, int4Matrix, randomInt4 } from './stored.ts';

/** A lookup in an int4 table. */
export interface EmbedInt4Case extends EmbedCase {
  readonly format: Int4Format;
}

/** Makes a case's buffers, seeded by its name, and h afterwards. `layout`: where the table's parts begin. */
export function embedInt4Data(testCase: EmbedInt4Case): EmbedData & { readonly layout: Int4Layout } {
  const { name, vocabulary, cols, format, shard } = testCase;
  const rows = shard?.count ?? vocabulary;
  const layout = int4Layout(rows, cols, format);
  const table = randomInt4(seeded(name), rows, cols, format);
  const ids = randomIds(testCase);
  return { ids, table, layout, ...embedInto(testCase, ids, int4Matrix(table, rows, cols, format, layout)) };
}

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly EmbedInt4Case[] = [
  { name: 'one id', format: { groupSize: 32, scale: 'bf16', asymmetric: false }, vocabulary: 7, cols: 32, rows: 1 },
  { name: 'a block', format: { groupSize: 64, scale: 'f16', asymmetric: false }, vocabulary: 90, cols: 576, rows: 37 },
  {
    name: 'zero points',
    format: { groupSize: 128, scale: 'bf16', asymmetric: true },
    vocabulary: 61,
    cols: 384,
    rows: 33,
  },
  { name: 'f32 scales', format: { groupSize: 32, scale: 'f32', asymmetric: true }, vocabulary: 20, cols: 96, rows: 9 },
  {
    name: 'a later shard',
    format: { groupSize: 32, scale: 'bf16', asymmetric: true },
    vocabulary: 90,
    cols: 64,
    rows: 40,
    shard: { first: 32, count: 24 },
  },
];
