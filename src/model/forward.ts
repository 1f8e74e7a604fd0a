/**
 * Llama 4's forward pass, recorded once per size class (one token, a block). `src/reference/forward.ts` has the same lines
 * in the same order, in f64.
 */
import type { Schedule } from './irope.ts';
import type { Ops } from './ops.ts';
import type { Weights } from './weights.ts';

/** The layers: ids -> h. */
export function forward(ops: Ops, schedule: Schedule, weights: Weights): void {
  const { ids, h, x, qkv, context, inner } = ops.activations;
  ops.embed(ids, weights.embedTokens, h); //                                h [rows, hidden]
  ops.tap('embed', h);
  for (const layer of schedule.layers) {
    const w = weights.layers[layer.index]!;
    const mlp = w.feedForward;
    ops.normQkv(h, w.inputLayernorm, w.qkvProj, qkv); //                    qkv [rows, (heads + 2 kvHeads) * headDim]
    ops.ropeAndStore(qkv, layer); //                                        q in place; k, v -> the layer's KV
    ops.attention(qkv, layer, context); //                                  context [rows, heads * headDim]
    ops.outputProjection(context, w.oProj, h); //                           h += Wo context
    if (mlp.kind === 'moe') {
      ops.normRoute(h, w.postAttentionLayernorm, mlp.router, x); //         x [rows, hidden]; routes [rows]: expert, score
      ops.experts(x, mlp, inner, h); //                                     h += shared(x) + routed(score * x)
    } else {
      ops.normMlp(h, w.postAttentionLayernorm, mlp.mlp, inner); //          h += down(silu(gate) * up)
    }
    ops.tap(`${layer.index}`, h);
    ops.border();
  }
}

/** The head, for the newest row alone: h -> logits -> the next id. What nobody asked for is left out when a run is encoded. */
export function head(ops: Ops, weights: Weights): void {
  const { h, x, logits, adjusted } = ops.activations;
  ops.normLast(h, weights.norm, x); //                                      x [1, hidden]
  ops.logits(x, weights.lmHead, logits); //                                 logits [vocab]
  ops.adjust(logits, adjusted); //                                          adjusted [vocab]
  ops.sample(logits, adjusted); //                                          ids [1]
  ops.logprobs(logits);
}
