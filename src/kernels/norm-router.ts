import source from '../../shaders/norm-router.wgsl?raw';
import chooseExpert from '../../shaders/shared/choose-expert.wgsl?raw';
import floatWeights from '../../shaders/shared/float-weights.wgsl?raw';
import routing from '../../shaders/shared/routing.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/plan.ts';
import { type GpuMatrix, storageOverrides } from './matrix.ts';
import type { RouterRequest } from './router.ts';
import { type KernelOptions, plain } from './variants.ts';

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

/** More threads for long rows, where there are many; as many share a product as leave none idle. */
export function normRouterOverrides(
  { rowThreads }: Pick<KernelOptions, 'rowThreads'>,
  numExperts: number,
  cols: number,
): Record<string, number> {
  const THREADS = rowThreads >= 64 && cols > 2048 ? 256 : rowThreads;
  return { THREADS, EXPERTS: numExperts, SLICES: Math.max(1, Math.floor(THREADS / numExperts)) };
}

export function normRoute(
  recorder: Recorder,
  options: Pick<KernelOptions, 'rowThreads'>,
  request: NormRouterRequest,
): void {
  const { h, weight, eps, router, x, state, logits, forced, routes, record, layer, maxRows } = request;
  const { outputs: numExperts, cols, storage, shards } = router;
  const shard = shards[0]!;
  const overrides = { ...storageOverrides(storage), ...normRouterOverrides(options, numExperts, cols) };
  recorder.dispatch({
    label: 'router',
    variant: plain(normRouterKernel, overrides),
    buffers: { state, h, weight, router: shard.buffer, x, logits, forced, routes, record },
    params: { cols, eps, layer, max_rows: maxRows },
    grid: ({ rows }) => [rows, 1, 1],
    cost: ({ rows }) => ({
      bytes: shard.layout.length * 4 + (2 * rows + 1) * cols * 4,
      flops: rows * cols * (2 * numExperts + 4),
    }),
  });
}
