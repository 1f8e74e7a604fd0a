import source from '../../shaders/transpose.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';

/** Load-time re-layout of fused experts, a bijection. Shapes: shaders/transpose.wgsl. */
export const transposeKernel = defineKernel('transpose', source);
