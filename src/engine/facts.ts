/** What an engine says about its model. Plain data: it crosses the worker's boundary as it is. */
import type { LayerPlan } from '../model/irope.ts';
import type { LoadedModel } from '../model/load.ts';
import type { SamplingFields } from './sampling.ts';

export interface ModelFacts {
  /** Name of the model's folder; the `model` field of requests and answers. */
  readonly id: string;
  /** How the weights are stored, for people. */
  readonly format: string;
  /** Tokens that fit, prompt and answer together. */
  readonly contextLength: number;
  /** Tokens per attention chunk; Infinity where no layer is chunked. */
  readonly chunk: number;
  /** What every layer is, in order. */
  readonly layers: readonly LayerPlan[];
  /** Routed experts per MoE layer; 0 in a dense model. */
  readonly numLocalExperts: number;
  /** The GPU adapter that computes. */
  readonly adapter: LoadedModel['adapter'];
  /** How each family of kernels is computed there, and why so. */
  readonly variants: LoadedModel['variants'];
  /** Bytes on the GPU when loading was done; keys and values grow with the conversation. */
  readonly bytes: LoadedModel['bytes'] & { readonly total: number };
  /** What a request that says nothing else is sampled with. */
  readonly defaults: SamplingFields;
}
