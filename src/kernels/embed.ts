/** h = E[id] for the rows of a run, over a table that may be cut into shards. */
import type { At, Recorder } from '../gpu/plan.ts';
import { embedFloat } from './embed-float.ts';
import { embedInt4 } from './embed-int4.ts';
import { type GpuMatrix, storageOverrides } from './matrix.ts';
import { plain } from './variants.ts';

export interface EmbedRequest {
  readonly ids: GPUBuffer; // [rows] u32
  readonly table: GpuMatrix; // [vocab, hidden]
  readonly h: GPUBuffer; // [rows, hidden] f32
}

export function embed(recorder: Recorder, { ids, table, h }: EmbedRequest): void {
  const { storage, cols } = table;
  for (const { buffer, firstOutput, outputs, layout } of table.shards) {
    const place = { cols, first_row: firstOutput, num_rows: outputs };
    recorder.dispatch({
      variant: plain(storage.kind === 'int4' ? embedInt4 : embedFloat, storageOverrides(storage)),
      buffers: { ids, table: buffer, h },
      params: storage.kind === 'int4' ? { ...place, scales_at: layout.scalesAt, zeros_at: layout.zerosAt } : place,
      grid: ({ rows }: At) => [Math.ceil(cols / 8 / 64), rows, 1],
    });
  }
}
