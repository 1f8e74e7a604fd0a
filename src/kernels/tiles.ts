/** How a block's tokens are cut into tiles; apart from the kernels, so that a plan can count without their WGSL. */

/** Tokens of one expert that a workgroup of a grouped matmul takes; expert-tiles.wgsl knows it too. */
export const TILE_ROWS = 32;

/** Tiles that `rows` tokens may need at worst: each expert can leave one tile partly empty. */
export function numTiles(rows: number, numExperts: number): number {
  return Math.ceil(rows / TILE_ROWS) + Math.min(rows, numExperts);
}
