/**
 * The whole model in plain loops and f64: what "equal" means. It has the lines of `model/forward.ts` in the same order,
 * without kernels, caches, blocks or tricks: every position is recomputed from the ids. Verified against Hugging Face
 * Transformers in tests/reference/forward.test.ts.
 */
import type { ModelConfig } from '../model/config.ts';
import type { LayerPlan, Schedule } from '../model/irope.ts';
import { ropeFrequencies, temperatureAt } from '../model/positions.ts';
import { attention, visibleKeys } from './attention.ts';
import { embed } from './embed.ts';
import { linear, swiglu } from './linear.ts';
import { generate, type Numbers } from './numbers.ts';
import { rmsNorm } from './rms-norm.ts';
import { ropeTable, rotate, scaleRows } from './rope-kv.ts';
import { type Routes, route } from './router.ts';
import type { FeedForward, LayerWeights, ReferenceWeights } from './weights.ts';

/** What a forward pass may leave out or be told. */
export interface ForwardOptions {
  /** Rows of logits to compute, counted from the last position. Default: all. */
  readonly logitRows?: number;
  /** Expert of every token, by layer: replaces the router's choice, not its score. */
  readonly forcedRoutes?: ReadonlyMap<number, ArrayLike<number>>;
}

/** Everything that an engine under test can be compared with, in f64. */
export interface ForwardResult {
  /** [logitRows, vocabulary] */
  readonly logits: Float64Array;
  /** After the embedding. [tokens, hidden] */
  readonly embed: Float64Array;
  /** After each layer, before the final norm. [layers] of [tokens, hidden] */
  readonly hidden: readonly Float64Array[];
  /** By layer index; MoE layers only. */
  readonly routes: ReadonlyMap<number, Routes>;
}

/**
 * Runs `ids` at positions 0 .. ids.length - 1.
 * Throws RangeError on an id outside the vocabulary, or no ids at all.
 */
export function forward(
  ids: ArrayLike<number>,
  config: ModelConfig,
  schedule: Schedule,
  weights: ReferenceWeights,
  options: ForwardOptions = {},
): ForwardResult {
  if (ids.length === 0) throw new RangeError('forward of no ids');
  const { hiddenSize, rmsNormEps } = config;
  const routes = new Map<number, Routes>();
  const embedded = embed(ids, weights.embedTokens); // [tokens, hidden]
  const hidden: Float64Array[] = [];
  let h = embedded;
  for (const layer of schedule.layers) {
    const w = weights.layers[layer.index]!;
    const x = rmsNorm(h, hiddenSize, rmsNormEps, w.inputLayernorm);
    h = attend(layer, x, h, w, config, schedule.chunk);
    const y = rmsNorm(h, hiddenSize, rmsNormEps, w.postAttentionLayernorm);
    const { feedForward } = w;
    if (feedForward.kind === 'dense') {
      h = feedForwardOf(feedForward, y, h);
    } else {
      const chosen = route(feedForward.router, y, options.forcedRoutes?.get(layer.index));
      routes.set(layer.index, chosen);
      h = feedForwardOf(feedForward.sharedExpert, y, h);
      h = routedExperts(feedForward.experts, y, chosen, h);
    }
    hidden.push(h);
  }
  const last = h.subarray((ids.length - (options.logitRows ?? ids.length)) * hiddenSize);
  const logits = linear(weights.lmHead, rmsNorm(last, hiddenSize, rmsNormEps, weights.norm)); // [logitRows, vocabulary]
  return { logits, embed: embedded, hidden, routes };
}

/** h + Wo attention(x). x, h [tokens, hidden] -> [tokens, hidden] */
function attend(
  layer: LayerPlan,
  x: Numbers,
  h: Numbers,
  w: LayerWeights,
  config: ModelConfig,
  chunk: number,
): Float64Array {
  const { headDim, rmsNormEps } = config;
  const tokens = x.length / config.hiddenSize;
  const positions = generate(tokens, (position) => position);
  let q = linear(w.qProj, x); // [tokens, heads, headDim]
  let k = linear(w.kProj, x); // [tokens, kvHeads, headDim]
  const v = linear(w.vProj, x); // [tokens, kvHeads, headDim]
  if (layer.rope) {
    const table = ropeTable(positions, ropeFrequencies(config));
    q = rotate(q, headDim, table);
    k = rotate(k, headDim, table);
  }
  if (layer.qkNorm) {
    q = rmsNorm(q, headDim, rmsNormEps);
    k = rmsNorm(k, headDim, rmsNormEps);
  }
  if (layer.temperature)
    q = scaleRows(
      q,
      positions.map((position) => temperatureAt(position, config)),
    );
  const span = layer.attention === 'chunked' ? chunk : Number.POSITIVE_INFINITY;
  const ranges = Array.from(positions, (position) => visibleKeys(position, span));
  return linear(w.oProj, attention(q, k, v, ranges, config), h);
}

/** h + Wdown (silu(Wgate y) * Wup y), with `score` on y. y, h [tokens, hidden], score [tokens] -> [tokens, hidden] */
function feedForwardOf(weights: FeedForward, y: Numbers, h: Numbers, score?: Numbers): Float64Array {
  const activated = swiglu(linear(weights.gateProj, y), linear(weights.upProj, y), score);
  return linear(weights.downProj, activated, h);
}

/** h + each token's own expert of y, token by token. y, h [tokens, hidden] -> [tokens, hidden] */
function routedExperts(experts: readonly FeedForward[], y: Numbers, routes: Routes, h: Numbers): Float64Array {
  const tokens = routes.index.length;
  const width = h.length / tokens;
  const out = new Float64Array(h.length);
  for (let token = 0; token < tokens; token++) {
    const [start, end] = [token * width, (token + 1) * width];
    const expert = experts[routes.index[token]!]!;
    const score = routes.score.subarray(token, token + 1);
    out.set(feedForwardOf(expert, y.subarray(start, end), h.subarray(start, end), score), start);
  }
  return out;
}
