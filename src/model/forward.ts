/**
 * Llama 4's forward pass, recorded once per size class (one token, a block). `src/reference/forward.ts` has the same lines
 * in the same order, in f64.
 */
import type { Schedule } from './irope.ts';
import type { Ops } from './ops.ts';
import type { Weights } from './weights.ts';

/** The layers: ids -> h. */
export function forward(ops: Ops, schedule: Schedule, weights: Weights): void {
  const { ids, h, x, qkv, context, inner, routes } = ops.activations;
  ops.embed(ids, weights.embedTokens, h); //                                h [rows, hidden]
  ops.tap('embed', h);
  for (const layer of schedule.layers) {
    const w = weights.layers[layer.index]!;
    ops.rmsNorm(h, w.inputLayernorm, x); //                                 x [rows, hidden]
    ops.linears(x, w.qkvProj, qkv); //                                      qkv [rows, (heads + 2 kvHeads) * headDim]
    ops.ropeAndStore(qkv, layer); //                                        q in place; k, v -> the layer's KV
    ops.attention(qkv, layer, context); //                                  context [rows, heads * headDim]
    ops.linear(context, w.oProj, h, 'add'); //                              h += Wo context
    ops.rmsNorm(h, w.postAttentionLayernorm, x);
    if (w.feedForward.kind === 'moe') {
      const { router, sharedExpert, experts } = w.feedForward;
      ops.route(x, router, routes); //                                      routes [rows]: expert, score
      ops.linear(x, sharedExpert.gateUpProj, inner, 'swiglu'); //           inner [rows, intermediate]
      ops.linear(inner, sharedExpert.downProj, h, 'add');
      ops.linear(x, experts.gateUpProj, inner, 'swiglu'); //                silu(score * gate) * (score * up)
      ops.linear(inner, experts.downProj, h, 'add');
    } else {
      ops.linear(x, w.feedForward.mlp.gateUpProj, inner, 'swiglu'); //      inner [rows, intermediateMlp]
      ops.linear(inner, w.feedForward.mlp.downProj, h, 'add');
    }
    ops.tap(`${layer.index}`, h);
    ops.border();
  }
}

/** The head, for the newest row alone: h -> logits -> the next id. */
export function head(ops: Ops, weights: Weights): void {
  const { h, x, logits } = ops.activations;
  ops.rmsNormLast(h, weights.norm, x); //                                   x [1, hidden]
  ops.logits(x, weights.lmHead, logits); //                                 logits [vocab]
  ops.sample(logits);
}
