import source from '../../shaders/rms-norm.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/plan.ts';
import { type KernelOptions, plain } from './variants.ts';

/** y = x / rms(x) * weight, per row. Shapes: shaders/rms-norm.wgsl. */
export const rmsNormKernel = defineKernel('rms-norm', source, [state]);

export interface RmsNormRequest {
  readonly state: GPUBuffer;
  readonly x: GPUBuffer; // [rows, cols] f32
  readonly weight: GPUBuffer; // [cols] f32
  readonly y: GPUBuffer; // [rows, cols] f32
  readonly cols: number;
  readonly eps: number;
  /** Only the newest row of x, into row 0 of y. */
  readonly lastRow?: boolean;
}

export function rmsNorm(
  recorder: Recorder,
  { rowThreads }: Pick<KernelOptions, 'rowThreads'>,
  { state, x, weight, y, cols, eps, lastRow = false }: RmsNormRequest,
): void {
  recorder.dispatch({
    variant: plain(rmsNormKernel, { THREADS: rowThreads, LAST_ROW: lastRow ? 1 : 0 }),
    buffers: { state, x, weight, y },
    params: { cols, eps },
    grid: ({ rows }) => [lastRow ? 1 : rows, 1, 1],
    cost: ({ rows }) => ({ bytes: (lastRow ? 3 : 2 * rows + 1) * cols * 4, flops: (lastRow ? 1 : rows) * 4 * cols }),
  });
}
