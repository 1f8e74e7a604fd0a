/**
 * The matvec that software adapters take, once without its arithmetic and once without its loads: where it falls short of
 * the roofline, these two times say what holds it back.
 */
import noArithmetic from '../../../../../shaders/bench/rows-int4-no-arithmetic.wgsl?raw';
import noLoads from '../../../../../shaders/bench/rows-int4-no-loads.wgsl?raw';
import rows from '../../../../../shaders/matvec-rows.wgsl?raw';
import int4Rows from '../../../../../shaders/shared/int4-rows.wgsl?raw';
import int4Weights from '../../../../../shaders/shared/int4-weights.wgsl?raw';
import matvec from '../../../../../shaders/shared/matvec.wgsl?raw';
import product from '../../../../../shaders/shared/product.wgsl?raw';
import routing from '../../../../../shaders/shared/routing.wgsl?raw';
import scales from '../../../../../shaders/shared/scales.wgsl?raw';
import xBroadcast from '../../../../../shaders/shared/x-broadcast.wgsl?raw';
import { defineKernel, type Kernel } from '../../../../gpu/kernel.ts';
import { MATVEC_KERNELS } from '../../../../kernels/matvec-kernels.ts';
import type { MatvecVariant } from '../../../../kernels/matvec-variants.ts';

const HELPERS = [int4Rows, int4Weights, scales, matvec, product, routing, xBroadcast];

/** What is left of the kernel -> the kernel. */
export const ABLATIONS: Readonly<Record<'loads' | 'arithmetic', Kernel>> = {
  loads: defineKernel('matvec-rows-int4-no-arithmetic', rows, [noArithmetic, ...HELPERS]),
  arithmetic: defineKernel('matvec-rows-int4-no-loads', rows, [noLoads, ...HELPERS]),
};

/** The kernel that they are made from. */
export const ABLATED: Kernel = MATVEC_KERNELS.rows.subgroup.f32.int4;

export function isAblated({ outline, subgroups }: MatvecVariant): boolean {
  return outline === 'rows' && subgroups;
}
