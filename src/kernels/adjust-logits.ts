import source from '../../shaders/adjust-logits.wgsl?raw';
import extras from '../../shaders/shared/extras.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/plan.ts';
import { plain } from './variants.ts';

/** Logits as the choice sees them: penalties, biases, mask. Shapes: shaders/adjust-logits.wgsl. */
export const adjustLogitsKernel = defineKernel('adjust-logits', source, [extras]);

const THREADS = 128;
const IN_PROMPT = 0x8000_0000;
/** A bias that leaves a logit below what is forbidden, whatever it was. */
const BANISHED = -3e38;

export interface AdjustLogitsRequest {
  readonly extras: GPUBuffer; // uniform
  readonly logits: GPUBuffer; // [>= numTokens] f32
  readonly ids: GPUBuffer; // [1] u32: the id that the run was fed with
  readonly mask: GPUBuffer; // [ceil(numTokens / 32)] u32
  /** `packEntries`; the answer's ids are counted in it. */
  readonly entries: GPUBuffer; // [numTokens] (f32, u32)
  readonly adjusted: GPUBuffer; // [>= numTokens] f32
  readonly numTokens: number;
}

/** Only in runs where `at.adjusts`. */
export function adjustLogits(recorder: Recorder, { numTokens, ...buffers }: AdjustLogitsRequest): void {
  recorder.dispatch({
    variant: plain(adjustLogitsKernel),
    buffers,
    params: { num_tokens: numTokens },
    grid: ({ adjusts }) => [adjusts ? Math.ceil(numTokens / THREADS) : 0, 1, 1],
    cost: () => ({ bytes: numTokens * 16, flops: numTokens * 4 }),
  });
}

/**
 * What is known of each id before an answer's first choice.
 * @param bias ids below `numTokens`, each at most once; -Infinity forbids the id
 * @param prompt ids from `numTokens` on are left out: they are never chosen
 * @returns [numTokens] pairs of a bias (f32) and what was seen (u32)
 */
export function packEntries(
  numTokens: number,
  bias: Iterable<readonly [id: number, bias: number]>,
  prompt: ArrayLike<number>,
): Uint32Array<ArrayBuffer> {
  const entries = new Uint32Array(2 * numTokens);
  const biases = new Float32Array(entries.buffer);
  for (const [id, value] of bias) biases[2 * id] = Math.max(value, BANISHED);
  for (let at = 0; at < prompt.length; at++) {
    if (prompt[at]! < numTokens) entries[2 * prompt[at]! + 1] = IN_PROMPT;
  }
  return entries;
}
