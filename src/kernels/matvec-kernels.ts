/** The matvec kernels: an outline, a codec, and how lanes are joined or x is handed round. */
import lanes from '../../shaders/matvec-lanes.wgsl?raw';
import rows from '../../shaders/matvec-rows.wgsl?raw';
import blockBroadcast from '../../shaders/shared/block-broadcast.wgsl?raw';
import blockPlain from '../../shaders/shared/block-plain.wgsl?raw';
import floatWeights from '../../shaders/shared/float-weights.wgsl?raw';
import int4Rows from '../../shaders/shared/int4-rows.wgsl?raw';
import int4Weights from '../../shaders/shared/int4-weights.wgsl?raw';
import lanesInt4 from '../../shaders/shared/lanes-int4.wgsl?raw';
import lanesInt4F16 from '../../shaders/shared/lanes-int4-f16.wgsl?raw';
import lanesInt4F32 from '../../shaders/shared/lanes-int4-f32.wgsl?raw';
import lanesInt4Int8 from '../../shaders/shared/lanes-int4-int8.wgsl?raw';
import lanesOctets from '../../shaders/shared/lanes-octets.wgsl?raw';
import matvec from '../../shaders/shared/matvec.wgsl?raw';
import packedFloat from '../../shaders/shared/packed-float.wgsl?raw';
import product from '../../shaders/shared/product.wgsl?raw';
import reduceSubgroup from '../../shaders/shared/reduce-subgroup.wgsl?raw';
import reduceWorkgroup from '../../shaders/shared/reduce-workgroup.wgsl?raw';
import routing from '../../shaders/shared/routing.wgsl?raw';
import rowsInt4 from '../../shaders/shared/rows-int4.wgsl?raw';
import rowsOctets from '../../shaders/shared/rows-octets.wgsl?raw';
import scales from '../../shaders/shared/scales.wgsl?raw';
import xBroadcast from '../../shaders/shared/x-broadcast.wgsl?raw';
import xPlain from '../../shaders/shared/x-plain.wgsl?raw';
import { defineKernel, type Kernel } from '../gpu/kernel.ts';
import type { ByStorage } from './by-storage.ts';
import { perCodec } from './packed.ts';

/** 'lanes': threads share rows, shaders/matvec-lanes.wgsl. 'rows': each thread has its own, shaders/matvec-rows.wgsl. */
export type MatvecOutline = 'lanes' | 'rows';

const FLOAT = [packedFloat, floatWeights];
const INT4 = [int4Rows, int4Weights, scales];

/** All kernels of an outline, by the type of x inside a product; int8 for int4 weights only, elsewhere it is f32. */
export type MatvecKernels = Readonly<Record<'f32' | 'f16' | 'int8', ByStorage<Kernel>>>;

function lanesKernels(suffix: string, reduce: string): MatvecKernels {
  const define = (codec: string, parts: readonly string[]) =>
    defineKernel(`matvec-lanes-${codec}${suffix}`, lanes, [...parts, matvec, product, routing, reduce]);
  const octets = {
    float: define('float', [lanesOctets, ...FLOAT]),
    ...perCodec((codec, parts) => define(codec, [lanesOctets, ...parts])),
  };
  return {
    f32: { ...octets, int4: define('int4', [lanesInt4, lanesInt4F32, ...INT4]) },
    f16: { ...octets, int4: define('int4-f16', [lanesInt4, lanesInt4F16, ...INT4]) },
    int8: { ...octets, int4: define('int4-int8', [lanesInt4, lanesInt4Int8, ...INT4]) },
  };
}

function rowsKernels(suffix: string, x: string, block: string): MatvecKernels {
  const define = (codec: string, parts: readonly string[]) =>
    defineKernel(`matvec-rows-${codec}${suffix}`, rows, [...parts, matvec, product, routing, x]);
  const kernels = {
    float: define('float', [rowsOctets, ...FLOAT]),
    int4: define('int4', [rowsInt4, block, ...INT4]),
    ...perCodec((codec, parts) => define(codec, [rowsOctets, ...parts])),
  };
  return { f32: kernels, f16: kernels, int8: kernels };
}

export const MATVEC_KERNELS: Readonly<Record<MatvecOutline, Readonly<Record<'plain' | 'subgroup', MatvecKernels>>>> = {
  lanes: { plain: lanesKernels('', reduceWorkgroup), subgroup: lanesKernels('-subgroup', reduceSubgroup) },
  rows: { plain: rowsKernels('', xPlain, blockPlain), subgroup: rowsKernels('-subgroup', xBroadcast, blockBroadcast) },
};
