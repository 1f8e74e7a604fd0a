/** How much is under way between the loader's bytes and the GPU. */

/** Pieces of at most a part each that wait between the loader's thread and the engine's. */
export const PIECES_UNDER_WAY = 4;
/** The mapped buffers through which bytes reach the GPU: how many, and how large each. */
export const STAGING_SLICES = 8;
export const STAGING_SLICE_BYTES = 2 << 20;
