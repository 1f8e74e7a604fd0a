import source from '../../shaders/matmul-float.wgsl?raw';
import weights from '../../shaders/shared/float-weights.wgsl?raw';
import product from '../../shaders/shared/product.wgsl?raw';
import routing from '../../shaders/shared/routing.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';

/** Y = X W^T for a block of tokens. Shapes: shaders/matmul-float.wgsl. */
export const matmulFloat = defineKernel('matmul-float', source, [state, weights, product, routing]);
