/** What a model's kernels have to do: the work by which they are chosen and checked. */
import type { AttentionShape, KvDtype } from '../../kernels/attention.ts';
import type { ModelConfig } from '../config.ts';
import { scheduleLayers } from '../irope.ts';
import type { Weights } from '../weights.ts';
import { type Projection, projectionsOf } from './projections.ts';

export interface Subject {
  /** Projections of one token, in the model's order. */
  readonly token: readonly Projection[];
  /** Those of a block. */
  readonly block: readonly Projection[];
  /** Per layer. */
  readonly attention: readonly AttentionShape[];
}

export function subjectOf(config: ModelConfig, weights: Weights<unknown>, kvDtype: KvDtype = 'f32'): Subject {
  const { numAttentionHeads: numHeads, numKeyValueHeads: numKvHeads, headDim } = config;
  return {
    token: projectionsOf(weights, false),
    block: projectionsOf(weights, true),
    attention: scheduleLayers(config).layers.map(({ attention }) => ({
      numHeads,
      numKvHeads,
      headDim,
      chunked: attention === 'chunked',
      kvDtype,
    })),
  };
}

/** The first of each kind. @param kind plain data, compared as JSON */
export function unlike<T>(list: readonly T[], kind: (one: T) => unknown): T[] {
  const seen = new Set<string>();
  return list.filter((one) => seen.size < seen.add(JSON.stringify(kind(one))).size);
}
