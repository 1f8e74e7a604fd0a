import source from '../../shaders/embed-float.wgsl?raw';
import floatWeights from '../../shaders/shared/float-weights.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';

/** h = E[id], table stored as bf16, f16 or f32. Shapes: shaders/embed-float.wgsl. */
export const embedFloat = defineKernel('embed-float', source, [floatWeights]);
