import source from '../../shaders/sample.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/plan.ts';
import { plain } from './variants.ts';

/** Chooses the next id from the logits. Shapes and method: shaders/sample.wgsl. */
export const sampleKernel = defineKernel('sample', source, [state]);

export interface SampleRequest {
  readonly state: GPUBuffer;
  readonly logits: GPUBuffer; // [>= numTokens] f32
  readonly ids: GPUBuffer; // [1] u32
  readonly record: GPUBuffer; // [1] u32
  /** Ids that the tokenizer knows; the rest is never chosen. */
  readonly numTokens: number;
}

export function sample(recorder: Recorder, { state, logits, ids, record, numTokens }: SampleRequest): void {
  recorder.dispatch({
    variant: plain(sampleKernel),
    buffers: { state, logits, ids, record },
    params: { num_tokens: numTokens },
    grid: [1, 1, 1],
    cost: () => ({ bytes: numTokens * 4, flops: numTokens }),
  });
}
