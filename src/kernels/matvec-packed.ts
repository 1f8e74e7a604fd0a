import source from '../../shaders/matvec-packed.wgsl?raw';
import product from '../../shaders/shared/product.wgsl?raw';
import reduceSubgroup from '../../shaders/shared/reduce-subgroup.wgsl?raw';
import reduceWorkgroup from '../../shaders/shared/reduce-workgroup.wgsl?raw';
import routing from '../../shaders/shared/routing.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import { perCodec } from './packed.ts';

/** y = W x for one token; lanes joined through workgroup memory. Shapes: shaders/matvec-packed.wgsl. */
export const matvecPacked = perCodec((codec, parts) =>
  defineKernel(`matvec-packed-${codec}`, source, [...parts, product, routing, reduceWorkgroup]),
);

/** The same with lanes joined by subgroup shuffles. */
export const matvecPackedSubgroup = perCodec((codec, parts) =>
  defineKernel(`matvec-packed-${codec}-subgroup`, source, [...parts, product, routing, reduceSubgroup]),
);
