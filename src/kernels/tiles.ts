/** How a block's tokens are cut into tiles; apart from the kernels, so that a plan can count without their WGSL. */

/** Tokens of a matmul tile; expert-tiles.wgsl and the matmuls know it too. */
export const TILE_ROWS = 16;

/** Tiles that `rows` tokens may need at worst: each expert can leave one tile partly empty. */
export function numTiles(rows: number, numExperts: number): number {
  return Math.ceil(rows / TILE_ROWS) + Math.min(rows, numExperts);
}
