import { seeded } from './random.ts';

/** Rows of a tile at most; shaders/expert-tiles.wgsl and the grouped matmuls agree on it. */
export const TILE_ROWS = 32;

/** What a tile that is not needed has for an expert: no shard holds it. */
export const NO_EXPERT = 0xffffffff;

/** What the grouped matmuls go by. */
export interface ExpertTiles {
  /** Token rows, sorted by expert, in their own order within one. [rows] */
  readonly order: Uint32Array;
  /** Expert, first index in `order`, rows. [numTiles, 3] */
  readonly tiles: Uint32Array;
}

/** Tiles that are enough for any routing of at most `maxRows` rows: each expert may leave one partly empty. */
export function maxTiles(maxRows: number, numExperts: number): number {
  return Math.ceil(maxRows / TILE_ROWS) + Math.min(maxRows, numExperts);
}

/**
 * Groups rows by expert into tiles of at most TILE_ROWS rows, experts ascending; the rest of the `numTiles` tiles is unused.
 * experts [rows]
 */
export function expertTiles(
  experts: Uint32Array,
  numExperts: number,
  numTiles = maxTiles(experts.length, numExperts),
): ExpertTiles {
  const rows = Array.from(experts, (expert, row) => ({ expert, row })).sort(
    (a, b) => a.expert - b.expert || a.row - b.row,
  );
  const tiles: number[] = [];
  for (let first = 0; first < rows.length; ) {
    const { expert } = rows[first]!;
    const end = rows.findIndex((row, at) => at > first && (row.expert !== expert || at === first + TILE_ROWS));
    const count = (end === -1 ? rows.length : end) - first;
    tiles.push(expert, first, count);
    first += count;
  }
  const unused = Array.from({ length: numTiles - tiles.length / 3 }, () => [NO_EXPERT, 0, 0]).flat();
  return { order: Uint32Array.from(rows, ({ row }) => row), tiles: Uint32Array.of(...tiles, ...unused) };
}

/** A block of routed rows. */
export interface ExpertTilesCase {
  readonly name: string;
  readonly rows: number;
  /** Rows that the tables have room for. */
  readonly maxRows: number;
  readonly numExperts: number;
  /** Share of the rows that all go to one expert. Default 0. */
  readonly skew?: number;
}

/** Expert of each row, seeded by the case's name. [rows] */
export function randomExperts({ name, rows, numExperts, skew = 0 }: ExpertTilesCase): Uint32Array {
  const random = seeded(name);
  const popular = random.below(numExperts);
  return new Uint32Array(rows).map(() => (random.uniform() < skew ? popular : random.below(numExperts)));
}

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly ExpertTilesCase[] = [
  { name: 'one row', rows: 1, maxRows: 1, numExperts: 16 },
  { name: 'a Scout block', rows: 512, maxRows: 512, numExperts: 16, skew: 0.4 },
  { name: 'a block that is not full', rows: 137, maxRows: 256, numExperts: 4 },
  { name: 'all rows to one expert', rows: 100, maxRows: 128, numExperts: 4, skew: 1 },
  { name: 'Maverick: most experts have no row', rows: 40, maxRows: 64, numExperts: 128 },
  { name: 'as many experts as threads', rows: 300, maxRows: 512, numExperts: 256, skew: 0.1 },
];
