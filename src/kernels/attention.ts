import type { Recorder } from '../gpu/plan.ts';
import { mergeAttention } from './attention-merge.ts';
import type { AttentionRequest } from './attention-request.ts';
import { splitAttention } from './attention-split.ts';
import { tileAttention } from './attention-tile.ts';
import type { KernelOptions } from './variants.ts';

export type { AttentionRequest, AttentionShape, KvDtype, KvRegion } from './attention-request.ts';

/**
 * y = softmax(q k^T / sqrt(headDim)) v, causal and inside the chunk. One token: partial results per region, then a merge.
 * A block of rows: one dispatch per region, each of which goes on where the one before ended.
 */
export function attention(
  recorder: Recorder,
  { attention: way }: Pick<KernelOptions, 'attention'>,
  request: AttentionRequest,
): void {
  const { piece } = request;
  if (piece === undefined) {
    tileAttention(recorder, way, request);
  } else {
    splitAttention(recorder, way, request, piece);
    mergeAttention(recorder, request, piece);
  }
}
