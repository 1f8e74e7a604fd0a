import source from '../../shaders/router.wgsl?raw';
import chooseExpert from '../../shaders/shared/choose-expert.wgsl?raw';
import routing from '../../shaders/shared/routing.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/plan.ts';
import { plain } from './variants.ts';

/** Top-1 routing from the router's logits. Shapes: shaders/router.wgsl. */
export const routerKernel = defineKernel('router', source, [state, routing, chooseExpert]);

export interface RouterRequest {
  readonly state: GPUBuffer;
  readonly logits: GPUBuffer; // [rows, numExperts] f32
  readonly forced: GPUBuffer; // [moeLayers, maxRows] u32
  readonly routes: GPUBuffer; // [rows] expert u32, score f32
  readonly record: GPUBuffer; // [1 + moeLayers] u32
  readonly numExperts: number;
  /** Counted among the MoE layers. */
  readonly layer: number;
  readonly maxRows: number;
}

export function route(recorder: Recorder, request: RouterRequest): void {
  const { state, logits, forced, routes, record, numExperts, layer, maxRows } = request;
  recorder.dispatch({
    variant: plain(routerKernel),
    buffers: { state, logits, forced, routes, record },
    params: { num_experts: numExperts, layer, max_rows: maxRows },
    grid: ({ rows }) => [Math.ceil(rows / 64), 1, 1],
    cost: ({ rows }) => ({ bytes: rows * (numExperts + 2) * 4, flops: rows * numExperts }),
  });
}
