import source from '../../shaders/norm-router.wgsl?raw';
import chooseExpert from '../../shaders/shared/choose-expert.wgsl?raw';
import floatWeights from '../../shaders/shared/float-weights.wgsl?raw';
import routing from '../../shaders/shared/routing.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/plan.ts';
import { type GpuMatrix, storageOverrides } from './matrix.ts';
import type { RouterRequest } from './router.ts';
import { plain } from './variants.ts';

/** RMSNorm, router and top-1 choice. Shapes: shaders/norm-router.wgsl. */
export const normRouterKernel = defineKernel('norm-router', source, [chooseExpert, floatWeights, routing, state]);

export interface NormRouterRequest extends Omit<RouterRequest, 'numExperts'> {
  readonly h: GPUBuffer; // [rows, cols] f32
  readonly weight: GPUBuffer; // [cols] f32
  readonly eps: number;
  /** Stored as floats, in one buffer. */
  readonly router: GpuMatrix; // [numExperts, cols]
  readonly x: GPUBuffer; // [rows, cols] f32
}

/** Threads for rows that are long or short; of those that share a product there are as many as leave none idle, and 4 at least. */
export function normRouterOverrides(numExperts: number, cols: number): Record<string, number> {
  const THREADS = cols > 2048 ? 256 : 64;
  return { THREADS, EXPERTS: numExperts, SLICES: Math.max(4, Math.floor(THREADS / numExperts)) };
}

export function normRoute(recorder: Recorder, request: NormRouterRequest): void {
  const { h, weight, eps, router, x, state, logits, forced, routes, record, layer, maxRows } = request;
  const { outputs: numExperts, cols, storage, shards } = router;
  const shard = shards[0]!;
  recorder.dispatch({
    label: 'router',
    variant: plain(normRouterKernel, { ...storageOverrides(storage), ...normRouterOverrides(numExperts, cols) }),
    buffers: { state, h, weight, router: shard.buffer, x, logits, forced, routes, record },
    params: { cols, eps, layer, max_rows: maxRows },
    grid: ({ rows }) => [rows, 1, 1],
    cost: ({ rows }) => ({
      bytes: shard.layout.length * 4 + (2 * rows + 1) * cols * 4,
      flops: rows * cols * (2 * numExperts + 4),
    }),
  });
}
