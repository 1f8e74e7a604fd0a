import source from '../../shaders/matvec-float.wgsl?raw';
import weights from '../../shaders/shared/float-weights.wgsl?raw';
import product from '../../shaders/shared/product.wgsl?raw';
import reduceSubgroup from '../../shaders/shared/reduce-subgroup.wgsl?raw';
import reduceWorkgroup from '../../shaders/shared/reduce-workgroup.wgsl?raw';
import routing from '../../shaders/shared/routing.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';

/** y = W x for one token; lanes joined through workgroup memory. Shapes: shaders/matvec-float.wgsl. */
export const matvecFloat = defineKernel('matvec-float', source, [weights, product, routing, reduceWorkgroup]);

/** The same with lanes joined by subgroup shuffles. */
export const matvecFloatSubgroup = defineKernel('matvec-float-subgroup', source, [
  weights,
  product,
  routing,
  reduceSubgroup,
]);
