/** How many parameters a model has, and how many of them a token meets. Pure. */
import type { GpuMatrix } from '../../kernels/matrix.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { Weights } from '../../model/weights.ts';

export interface Parameters {
  readonly total: number;
  /** Of routed experts one of each layer; the embedding counts, as in the names of models. */
  readonly active: number;
}

export function countParameters<B>(weights: Weights<B>, { hiddenSize }: Pick<ModelConfig, 'hiddenSize'>): Parameters {
  let [total, active] = [hiddenSize, hiddenSize]; // the last norm
  const add = (matrix: GpuMatrix<B>) => {
    const { outputs, cols, paired, numExperts, shared } = matrix;
    const one = outputs * cols * (paired ? 2 : 1);
    const always = shared ? one : 0;
    total += one * (numExperts ?? 1) + always;
    active += one + always;
  };
  add(weights.embedTokens);
  if (weights.lmHead !== weights.embedTokens) add(weights.lmHead);
  for (const { qkvProj, oProj, feedForward } of weights.layers) {
    total += 2 * hiddenSize;
    active += 2 * hiddenSize;
    const mlps = feedForward.kind === 'dense' ? [feedForward.mlp] : [feedForward.experts, feedForward.sharedExpert];
    const router = feedForward.kind === 'moe' ? [feedForward.router] : [];
    const inner = mlps.flatMap((mlp) => (mlp ? [mlp.gateUpProj, mlp.downProj] : []));
    for (const matrix of [...qkvProj, oProj, ...router, ...inner]) add(matrix);
  }
  return { total, active };
}
