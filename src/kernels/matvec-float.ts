import source from '../../shaders/matvec-float.wgsl?raw';
import weights from '../../shaders/shared/float-weights.wgsl?raw';
import reduceSubgroup from '../../shaders/shared/reduce-subgroup.wgsl?raw';
import reduceWorkgroup from '../../shaders/shared/reduce-workgroup.wgsl?raw';
import swiglu from '../../shaders/shared/swiglu.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';

/** y = W x for one token; lanes joined through workgroup memory. Shapes: shaders/matvec-float.wgsl. */
export const matvecFloat = defineKernel('matvec-float', source, [weights, swiglu, reduceWorkgroup]);

/** The same with lanes joined by subgroup shuffles. */
export const matvecFloatSubgroup = defineKernel('matvec-float-subgroup', source, [weights, swiglu, reduceSubgroup]);
