/** Every kernel and every variant that a model can ask for: the compile test and the bench go by this list. */
import type { Kernel, Variant } from '../gpu/kernel.ts';
import { attentionKernel } from './attention.ts';
import { attentionMergeKernel } from './attention-merge.ts';
import { embedFloat } from './embed-float.ts';
import { embedInt4 } from './embed-int4.ts';
import { embedPacked } from './embed-packed.ts';
import { expertTilesKernel } from './expert-tiles.ts';
import { matmulFloat } from './matmul-float.ts';
import { matmulInt4 } from './matmul-int4.ts';
import { matmulPacked } from './matmul-packed.ts';
import { matvecFloat, matvecFloatSubgroup } from './matvec-float.ts';
import { matvecInt4, matvecInt4Subgroup } from './matvec-int4.ts';
import { matvecPacked, matvecPackedSubgroup } from './matvec-packed.ts';
import { normRouterKernel, normRouterOverrides } from './norm-router.ts';
import { type Codec, perCodec } from './packed.ts';
import { quantizeKernel } from './quantize.ts';
import { rmsNormKernel } from './rms-norm.ts';
import { ropeKvKernel } from './rope-kv.ts';
import { routerKernel } from './router.ts';
import { sampleKernel } from './sample.ts';
import { transposeKernel } from './transpose.ts';

type Axes = Readonly<Record<string, readonly number[]>>;

const BOTH = [0, 1];
const FLOAT: Axes = { ELEMENT: [0, 1, 2] };
const INT4: Axes = { GROUP_SIZE: [32, 64, 128], SCALE: [0, 1, 2], ASYMMETRIC: BOTH };
const LANES: Axes = { LANES: [4, 8, 16, 32], EXPERT: BOTH };
const EPILOGUES: readonly Record<string, number>[] = [
  { SWIGLU: 0, ADD: 0 },
  { SWIGLU: 0, ADD: 1 },
  { SWIGLU: 1, ADD: 0 },
];

/** A group may be a whole row. */
const GROUPS: Axes = { GROUP_SIZE: [64, 5120], SCALE: [0, 1, 2] };
const PACKED: Readonly<Record<Codec, Axes>> = {
  affine: { ...GROUPS, BITS: [4, 8] },
  fp8: GROUPS,
  nvfp4: {},
  nf4: {},
  ordered: { ...GROUPS, ASYMMETRIC: BOTH },
};

/** A kernel and the values that each of its overrides takes. */
interface Family {
  readonly kernel: Kernel;
  readonly axes: Axes;
  readonly epilogues?: true;
  readonly elem?: true;
  readonly subgroups?: true;
}

const FAMILIES: readonly Family[] = [
  { kernel: embedFloat, axes: FLOAT },
  { kernel: embedInt4, axes: INT4 },
  { kernel: rmsNormKernel, axes: { LAST_ROW: BOTH } },
  { kernel: matvecFloat, axes: { ...FLOAT, ...LANES }, epilogues: true, elem: true },
  { kernel: matvecFloatSubgroup, axes: { ...FLOAT, ...LANES }, epilogues: true, elem: true, subgroups: true },
  { kernel: matvecInt4, axes: { ...INT4, ...LANES }, epilogues: true, elem: true },
  { kernel: matvecInt4Subgroup, axes: { ...INT4, ...LANES }, epilogues: true, elem: true, subgroups: true },
  { kernel: matmulFloat, axes: { ...FLOAT, GROUPED: BOTH }, epilogues: true, elem: true },
  { kernel: matmulInt4, axes: { ...INT4, GROUPED: BOTH }, epilogues: true, elem: true },
  ...Object.values(perCodec(packedFamilies)).flat(),
  { kernel: ropeKvKernel, axes: { ROPE: BOTH, QK_NORM: BOTH, CHUNKED: BOTH, KV_F16: BOTH } },
  { kernel: attentionKernel, axes: { CHUNKED: BOTH, CARRY: BOTH, KV_F16: BOTH } },
  { kernel: attentionMergeKernel, axes: { CHUNKED: BOTH, CARRY: BOTH } },
  { kernel: routerKernel, axes: {} },
  { kernel: normRouterKernel, axes: { ...FLOAT, ...one(normRouterOverrides(16, 5120)) } },
  { kernel: normRouterKernel, axes: { ...FLOAT, ...one(normRouterOverrides(256, 512)) } },
  { kernel: expertTilesKernel, axes: {} },
  { kernel: sampleKernel, axes: {} },
  { kernel: transposeKernel, axes: { BITS: [4, 8, 16, 32] } },
  { kernel: quantizeKernel, axes: { ...FLOAT, BITS: [4, 8], GROUP_SIZE: [32, 64, 128] } },
];

function packedFamilies(codec: Codec): Family[] {
  const axes = PACKED[codec];
  return [
    { kernel: embedPacked[codec], axes },
    { kernel: matvecPacked[codec], axes: { ...axes, ...LANES }, epilogues: true, elem: true },
    { kernel: matvecPackedSubgroup[codec], axes: { ...axes, ...LANES }, epilogues: true, elem: true, subgroups: true },
    { kernel: matmulPacked[codec], axes: { ...axes, GROUPED: BOTH }, epilogues: true, elem: true },
  ];
}

export const allKernels: readonly Kernel[] = FAMILIES.map(({ kernel }) => kernel);

/** The product of all axes of all kernels. */
export function* allVariants(): Generator<Variant> {
  for (const { kernel, axes, epilogues, elem, subgroups = false } of FAMILIES) {
    for (const overrides of product(axes)) {
      for (const epilogue of epilogues ? EPILOGUES : [{}]) {
        for (const type of elem ? (['f32', 'f16'] as const) : (['f32'] as const)) {
          yield { kernel, overrides: { ...overrides, ...epilogue }, elem: type, subgroups };
        }
      }
    }
  }
}

function one(overrides: Readonly<Record<string, number>>): Axes {
  return Object.fromEntries(Object.entries(overrides).map(([name, value]) => [name, [value]]));
}

function product(axes: Axes): Record<string, number>[] {
  return Object.entries(axes).reduce<Record<string, number>[]>(
    (rows, [name, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value }))),
    [{}],
  );
}
