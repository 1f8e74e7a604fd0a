import source from '../../shaders/attention-merge.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';

/** Completes attention from its partial results. Shapes: shaders/attention-merge.wgsl. */
export const attentionMergeKernel = defineKernel('attention-merge', source, [state]);
