import source from '../../shaders/expert-tiles.wgsl?raw';
import routing from '../../shaders/shared/routing.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import type { Recorder } from '../gpu/plan.ts';
import type { Routing } from './linear.ts';
import { numTiles } from './tiles.ts';
import { plain } from './variants.ts';

/** Groups a block's tokens by expert. Shapes: shaders/expert-tiles.wgsl. */
export const expertTilesKernel = defineKernel('expert-tiles', source, [state, routing]);

/** One thread of the kernel's workgroup each. */
export const MAX_EXPERTS = 256;

export interface ExpertTilesRequest {
  readonly state: GPUBuffer;
  readonly routing: Routing;
  readonly numExperts: number;
  readonly maxRows: number;
}

export function groupByExpert(recorder: Recorder, { state, routing, numExperts, maxRows }: ExpertTilesRequest): void {
  recorder.dispatch({
    variant: plain(expertTilesKernel),
    buffers: { state, ...routing },
    params: { num_experts: numExperts, num_tiles: numTiles(maxRows, numExperts) },
    grid: [1, 1, 1],
    cost: ({ rows }) => ({ bytes: 12 * rows + 12 * numTiles(maxRows, numExperts), flops: 0 }),
  });
}
