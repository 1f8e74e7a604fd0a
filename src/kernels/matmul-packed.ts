import source from '../../shaders/matmul-packed.wgsl?raw';
import product from '../../shaders/shared/product.wgsl?raw';
import routing from '../../shaders/shared/routing.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import { perCodec } from './packed.ts';

/** Y = X W^T for a block of tokens. Shapes: shaders/matmul-packed.wgsl. */
export const matmulPacked = perCodec((codec, parts) =>
  defineKernel(`matmul-packed-${codec}`, source, [...parts, state, product, routing]),
);
