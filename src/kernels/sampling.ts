/** Slices of the vocabulary that the sampling kernels look over. One source of truth: shaders/shared/slices.wgsl. Pure. */
const SLICE = 1024;
/** Highest, its id, 16 counts, 16 masses. */
const WORDS = 2 + 16 + 16;

export function slicesOf(numTokens: number): number {
  return Math.ceil(numTokens / SLICE);
}

/** Of the scratch buffer with one `Slice` each. */
export function sliceBytes(numTokens: number): number {
  return slicesOf(numTokens) * WORDS * 4;
}

/** Alternatives whose log-probabilities a run can record. */
export const MAX_TOP_LOGPROBS = 20;

/** u32 in the record for log-probabilities: of the chosen id, then pairs of an id and its own. */
export function logprobWords(top: number): number {
  return 1 + 2 * top;
}
