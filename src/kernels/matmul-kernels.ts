/** The matmul kernels: an outline, a codec, and how x is handed round. */
import rows from '../../shaders/matmul-rows.wgsl?raw';
import tiles from '../../shaders/matmul-tiles.wgsl?raw';
import floatWeights from '../../shaders/shared/float-weights.wgsl?raw';
import int4Rows from '../../shaders/shared/int4-rows.wgsl?raw';
import int4Weights from '../../shaders/shared/int4-weights.wgsl?raw';
import matmul from '../../shaders/shared/matmul.wgsl?raw';
import packedFloat from '../../shaders/shared/packed-float.wgsl?raw';
import packedInt4 from '../../shaders/shared/packed-int4.wgsl?raw';
import product from '../../shaders/shared/product.wgsl?raw';
import routing from '../../shaders/shared/routing.wgsl?raw';
import scales from '../../shaders/shared/scales.wgsl?raw';
import state from '../../shaders/shared/state.wgsl?raw';
import tokensBroadcast from '../../shaders/shared/tokens-broadcast.wgsl?raw';
import tokensInt4 from '../../shaders/shared/tokens-int4.wgsl?raw';
import tokensOctets from '../../shaders/shared/tokens-octets.wgsl?raw';
import tokensPlain from '../../shaders/shared/tokens-plain.wgsl?raw';
import { defineKernel, type Kernel } from '../gpu/kernel.ts';
import type { ByStorage } from './by-storage.ts';
import { perCodec } from './packed.ts';

/** 'tiles': staged in workgroup memory, shaders/matmul-tiles.wgsl. 'rows': each thread alone, shaders/matmul-rows.wgsl. */
export type MatmulOutline = 'tiles' | 'rows';

const COMMON = [matmul, product, routing, state];
const FLOAT = [packedFloat, floatWeights];

function tilesKernels(): ByStorage<Kernel> {
  const define = (codec: string, parts: readonly string[]) =>
    defineKernel(`matmul-tiles-${codec}`, tiles, [...parts, ...COMMON]);
  return {
    float: define('float', FLOAT),
    int4: define('int4', [packedInt4, int4Weights, scales]),
    ...perCodec(define),
  };
}

function rowsKernels(suffix: string, tokens: string): ByStorage<Kernel> {
  const define = (codec: string, parts: readonly string[]) =>
    defineKernel(`matmul-rows-${codec}${suffix}`, rows, [...parts, ...COMMON, tokens]);
  return {
    float: define('float', [tokensOctets, ...FLOAT]),
    int4: define('int4', [tokensInt4, int4Rows, int4Weights, scales]),
    ...perCodec((codec, parts) => define(codec, [tokensOctets, ...parts])),
  };
}

/** Of each outline, without subgroups and, where they help, with them. */
export const MATMUL_KERNELS: Readonly<Record<MatmulOutline | 'rows-subgroup', ByStorage<Kernel>>> = {
  tiles: tilesKernels(),
  rows: rowsKernels('', tokensPlain),
  'rows-subgroup': rowsKernels('-subgroup', tokensBroadcast),
};
