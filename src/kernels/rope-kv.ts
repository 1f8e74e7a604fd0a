import source from '../../shaders/rope-kv.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import type { At, Grid, Recorder } from '../gpu/plan.ts';
import type { AttentionShape, KvRegion } from './attention.ts';
import { type KernelOptions, plain } from './variants.ts';

/** RoPE, qk-norm, temperature and the KV write. Shapes: shaders/rope-kv.wgsl. */
export const ropeKvKernel = defineKernel('rope-kv', source, [state]);

export interface RopeKvRequest {
  readonly state: GPUBuffer;
  /** With `rope` [tableRows, headDim / 2, 2] cos, sin; else [tableRows] query scales. */
  readonly table: GPUBuffer;
  readonly tableRows: number;
  readonly qkv: GPUBuffer; // [rows, numHeads + 2 numKvHeads, headDim] f32
  readonly shape: AttentionShape;
  readonly rope: boolean;
  readonly qkNorm: boolean;
  readonly eps: number;
  /** Where keys and values go; a run writes to the one region that holds its positions. */
  readonly regions: readonly KvRegion[];
}

export function ropeAndStore(
  recorder: Recorder,
  { rowThreads }: Pick<KernelOptions, 'rowThreads'>,
  request: RopeKvRequest,
): void {
  const { state, table, tableRows, qkv, shape, rope, qkNorm, eps, regions } = request;
  for (const region of regions) {
    recorder.dispatch({
      variant: plain(ropeKvKernel, {
        THREADS: rowThreads,
        ROPE: rope ? 1 : 0,
        QK_NORM: qkNorm ? 1 : 0,
        CHUNKED: shape.chunked ? 1 : 0,
        KV_F16: shape.kvDtype === 'f16' ? 1 : 0,
      }),
      buffers: () => ({ state, table, qkv, kv: region.buffer() }),
      params: {
        num_heads: shape.numHeads,
        num_kv_heads: shape.numKvHeads,
        head_dim: shape.headDim,
        eps,
        first: region.first,
        slots: region.slots,
        table_rows: tableRows,
      },
      grid: ({ position, rows }: At): Grid => {
        const here = shape.chunked || (position >= region.first && position < region.first + region.slots);
        return here ? [shape.numHeads + 2 * shape.numKvHeads, rows, 1] : [0, 0, 0];
      },
      cost: ({ rows }) => {
        const { numHeads, numKvHeads, headDim, kvDtype } = shape;
        const stored = 2 * numKvHeads * headDim * (kvDtype === 'f16' ? 2 : 4);
        const rotated = (2 * numHeads + 3 * numKvHeads) * headDim * 4; // queries in place; keys, values and angles
        return { bytes: rows * (stored + rotated), flops: rows * 8 * (numHeads + numKvHeads) * headDim };
      },
    });
  }
}
