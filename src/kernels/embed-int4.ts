import source from '../../shaders/embed-int4.wgsl?raw';
import int4Weights from '../../shaders/shared/int4-weights.wgsl?raw';
import scales from '../../shaders/shared/scales.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';

/** h = E[id], int4 table. Shapes: shaders/embed-int4.wgsl. */
export const embedInt4 = defineKernel('embed-int4', source, [int4Weights, scales]);
