import source from '../../shaders/sample.wgsl?raw';
import slicesSource from '../../shaders/sample-slices.wgsl?raw';
import extras from '../../shaders/shared/extras.wgsl?raw';
import sampling from '../../shaders/shared/sampling.wgsl?raw';
import slices from '../../shaders/shared/slices.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import type { At, Grid, Recorder } from '../gpu/plan.ts';
import { slicesOf } from './sampling.ts';
import { plain } from './variants.ts';

/** What lies where in the vocabulary. Shapes: shaders/sample-slices.wgsl. */
export const sampleSlicesKernel = defineKernel('sample-slices', slicesSource, [slices, sampling, extras, state]);

/** Chooses the next id from the logits. Shapes and method: shaders/sample.wgsl. */
export const sampleKernel = defineKernel('sample', source, [slices, sampling, state]);

export interface SampleRequest {
  readonly state: GPUBuffer;
  readonly logits: GPUBuffer; // [>= numTokens] f32
  /** Scratch of `samplingBytes`. */
  readonly slices: GPUBuffer;
  readonly candidates: GPUBuffer; // [numTokens] u32, scratch
  readonly ids: GPUBuffer; // [1] u32
  readonly record: GPUBuffer; // [1] u32
  /** Ids that the tokenizer knows; the rest is never chosen. */
  readonly numTokens: number;
  /** Runs that choose from these logits; default all. */
  readonly when?: ((at: At) => boolean) | undefined;
}

export function sample(recorder: Recorder, request: SampleRequest): void {
  const { state, logits, slices, candidates, ids, record, numTokens, when = () => true } = request;
  const grid =
    (groups: number) =>
    (at: At): Grid => [when(at) ? groups : 0, 1, 1];
  const numSlices = slicesOf(numTokens);
  for (const STEP of [0, 1, 2]) {
    recorder.dispatch({
      label: 'sample',
      variant: plain(sampleSlicesKernel, { STEP }),
      buffers: { state, logits, slices, candidates },
      params: { num_tokens: numTokens },
      grid: grid(numSlices),
      cost: () => ({ bytes: numTokens * 4, flops: numTokens }),
    });
  }
  recorder.dispatch({
    label: 'sample',
    variant: plain(sampleKernel),
    buffers: { state, logits, slices, candidates, ids, record },
    params: { num_tokens: numTokens },
    grid: grid(1),
    cost: () => ({ bytes: numSlices * 8, flops: numSlices }), // where nothing is cut; else it depends on the logits
  });
}
