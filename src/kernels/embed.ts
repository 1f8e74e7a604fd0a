/** h = E[id] for the rows of a run, over a table that may be cut into shards. */
import type { Kernel } from '../gpu/kernel.ts';
import type { At, Recorder } from '../gpu/plan.ts';
import { type ByStorage, declared, pick } from './by-storage.ts';
import { embedFloat } from './embed-float.ts';
import { embedInt4 } from './embed-int4.ts';
import { embedPacked } from './embed-packed.ts';
import { type GpuMatrix, storageOverrides } from './matrix.ts';
import { plain } from './variants.ts';

const KERNELS: ByStorage<Kernel> = { float: embedFloat, int4: embedInt4, ...embedPacked };

export interface EmbedRequest {
  readonly ids: GPUBuffer; // [rows] u32
  readonly table: GpuMatrix; // [vocab, hidden]
  readonly h: GPUBuffer; // [rows, hidden] f32
}

export function embed(recorder: Recorder, { ids, table, h }: EmbedRequest): void {
  const { storage, cols } = table;
  const kernel = pick(KERNELS, storage);
  for (const { buffer, firstOutput, outputs, layout } of table.shards) {
    recorder.dispatch({
      variant: plain(kernel, storageOverrides(storage)),
      buffers: { ids, table: buffer, h },
      params: declared(kernel, layout, { outputs, cols, first_row: firstOutput }),
      grid: ({ rows }: At) => [Math.ceil(cols / 8 / 64), rows, 1],
      cost: ({ rows }) => ({ bytes: rows * ((layout.length * 4) / outputs + cols * 4), flops: 2 * rows * cols }),
    });
  }
}
