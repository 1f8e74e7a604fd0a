import source from '../../shaders/matvec-int4.wgsl?raw';
import weights from '../../shaders/shared/int4-weights.wgsl?raw';
import product from '../../shaders/shared/product.wgsl?raw';
import reduceSubgroup from '../../shaders/shared/reduce-subgroup.wgsl?raw';
import reduceWorkgroup from '../../shaders/shared/reduce-workgroup.wgsl?raw';
import routing from '../../shaders/shared/routing.wgsl?raw';
import scales from '../../shaders/shared/scales.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';

/** y = W x for one token; lanes joined through workgroup memory. Shapes: shaders/matvec-int4.wgsl. */
export const matvecInt4 = defineKernel('matvec-int4', source, [weights, scales, product, routing, reduceWorkgroup]);

/** The same with lanes joined by subgroup shuffles. */
export const matvecInt4Subgroup = defineKernel('matvec-int4-subgroup', source, [
  weights,
  scales,
  product,
  routing,
  reduceSubgroup,
]);
