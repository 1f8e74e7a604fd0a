import source from '../../shaders/logprobs.wgsl?raw';
import extras from '../../shaders/shared/extras.wgsl?raw';
import slices from '../../shaders/shared/slices.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/plan.ts';
import { slicesOf } from './sampling.ts';
import { plain } from './variants.ts';

/** Log-probabilities of the chosen id and of the most probable ones. Shapes: shaders/logprobs.wgsl. */
export const logprobsKernel = defineKernel('logprobs', source, [extras, slices]);

export interface LogprobsRequest {
  readonly extras: GPUBuffer; // uniform
  readonly logits: GPUBuffer; // [>= numTokens] f32
  /** Scratch of `sliceBytes`; what the choice left there is overwritten. */
  readonly slices: GPUBuffer;
  readonly record: GPUBuffer; // [>= recordAt + `logprobWords`] u32; [0] is the chosen id
  readonly recordAt: number;
  readonly numTokens: number;
}

/** Only in runs where `at.logprobs`. */
export function logprobs(recorder: Recorder, request: LogprobsRequest): void {
  const { numTokens, recordAt, ...buffers } = request;
  for (const [STEP, groups] of [slicesOf(numTokens), 1].entries()) {
    recorder.dispatch({
      label: 'logprobs',
      variant: plain(logprobsKernel, { STEP }),
      buffers,
      params: { num_tokens: numTokens, record_at: recordAt },
      grid: (at) => [at.logprobs ? groups : 0, 1, 1],
      cost: () => ({ bytes: groups * 8 + (STEP === 0 ? numTokens * 4 : 0), flops: STEP === 0 ? numTokens : groups }),
    });
  }
}
