import source from '../../shaders/matmul-int4.wgsl?raw';
import weights from '../../shaders/shared/int4-weights.wgsl?raw';
import product from '../../shaders/shared/product.wgsl?raw';
import routing from '../../shaders/shared/routing.wgsl?raw';
import scales from '../../shaders/shared/scales.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';

/** Y = X W^T for a block of tokens. Shapes: shaders/matmul-int4.wgsl. */
export const matmulInt4 = defineKernel('matmul-int4', source, [state, weights, scales, product, routing]);
