/** Every kernel and every variant that a model can ask for: the compile test and the bench go by this list. */
import type { Kernel, Variant } from '../gpu/kernel.ts';
import { adjustLogitsKernel } from './adjust-logits.ts';
import { attentionMergeKernel } from './attention-merge.ts';
import { splitVariant } from './attention-split.ts';
import { tileVariant } from './attention-tile.ts';
import type { ByStorage } from './by-storage.ts';
import { embedFloat } from './embed-float.ts';
import { embedInt4 } from './embed-int4.ts';
import { embedPacked } from './embed-packed.ts';
import { expertTilesKernel } from './expert-tiles.ts';
import { logprobsKernel } from './logprobs.ts';
import { MATMUL_KERNELS } from './matmul-kernels.ts';
import { MATVEC_KERNELS, type MatvecOutline } from './matvec-kernels.ts';
import { normRouterKernel, normRouterOverrides } from './norm-router.ts';
import type { Codec } from './packed.ts';
import { quantizeKernel } from './quantize.ts';
import { rmsNormKernel } from './rms-norm.ts';
import { ropeKvKernel } from './rope-kv.ts';
import { routerKernel } from './router.ts';
import { sampleKernel, sampleSlicesKernel } from './sample.ts';
import { transposeKernel } from './transpose.ts';
import { ROW_THREADS } from './variants.ts';

type Axes = Readonly<Record<string, readonly number[]>>;

const BOTH = [0, 1];
const THREADS = Object.values(ROW_THREADS);
const ELEMENTS = ['f32', 'f16'] as const;
const OUTLINES: readonly MatvecOutline[] = ['lanes', 'rows'];
const FLOAT: Axes = { ELEMENT: [0, 1, 2] };
const INT4: Axes = { GROUP_SIZE: [32, 64, 128], SCALE: [0, 1, 2], ASYMMETRIC: BOTH };
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

const STORAGES = Object.entries({ float: FLOAT, int4: INT4, ...PACKED }) as [keyof ByStorage<Kernel>, Axes][];

/** A kernel and the values that each of its overrides takes. */
interface Family {
  readonly kernel: Kernel;
  readonly axes: Axes;
  readonly epilogues?: true;
  /** Default f32 alone. */
  readonly elem?: readonly ('f32' | 'f16')[];
  readonly subgroups?: boolean;
}

const FAMILIES: readonly Family[] = [
  { kernel: embedFloat, axes: FLOAT },
  { kernel: embedInt4, axes: INT4 },
  { kernel: rmsNormKernel, axes: { THREADS, LAST_ROW: BOTH } },
  ...Object.entries(PACKED).map(([codec, axes]) => ({ kernel: embedPacked[codec as Codec], axes })),
  ...matvecFamilies(),
  ...matmulFamilies(),
  { kernel: ropeKvKernel, axes: { THREADS, ROPE: BOTH, QK_NORM: BOTH, CHUNKED: BOTH, KV_F16: BOTH } },
  ...attentionFamilies(),
  { kernel: attentionMergeKernel, axes: {} },
  { kernel: routerKernel, axes: {} },
  ...THREADS.flatMap((rowThreads) => [
    { kernel: normRouterKernel, axes: { ...FLOAT, ...one(normRouterOverrides({ rowThreads }, 16, 5120)) } },
    { kernel: normRouterKernel, axes: { ...FLOAT, ...one(normRouterOverrides({ rowThreads }, 256, 512)) } },
  ]),
  { kernel: expertTilesKernel, axes: {} },
  { kernel: adjustLogitsKernel, axes: {} },
  { kernel: sampleSlicesKernel, axes: { STEP: [0, 1, 2] } },
  { kernel: sampleKernel, axes: {} },
  { kernel: logprobsKernel, axes: { STEP: [0, 1] } },
  { kernel: transposeKernel, axes: { BITS: [4, 8, 16, 32] } },
  { kernel: quantizeKernel, axes: { ...FLOAT, BITS: [4, 8], GROUP_SIZE: [32, 64, 128] } },
];

/** Storage and epilogues; then threads, stacks and norms of those that read 16 bytes: not their product, which is 40,000. */
function matvecFamilies(): Family[] {
  const norm = { lanes: [0, 1, 2], rows: BOTH };
  const shapes = { lanes: { LANES: [4, 64] }, rows: { LANES: [4, 16], THREADS: [16] } };
  const ways = OUTLINES.flatMap((outline) => [
    { outline, kernels: MATVEC_KERNELS[outline].plain, subgroups: false },
    { outline, kernels: MATVEC_KERNELS[outline].subgroup, subgroups: true },
  ]);
  return ways.flatMap(({ outline, kernels, subgroups }) =>
    (['f32', 'f16', 'int8'] as const).flatMap((type) =>
      STORAGES.flatMap(([storage, axes]) => {
        const elem = [type === 'f16' ? 'f16' : 'f32'] as const;
        const family = { kernel: kernels[type][storage], epilogues: true, elem, subgroups } as const;
        if (type === 'int8' && (storage !== 'int4' || family.kernel === kernels.f32.int4)) return [];
        if (type === 'f16' && outline === 'rows') return [{ ...family, axes: one(firstOf(axes)) }]; // x is rounded
        const stacks = { EXPERT: [1], SHARDS: [1, 3], PART: [0, 1, 2] };
        const all = { ...family, axes };
        if (storage !== 'float' && storage !== 'int4') return [all];
        const rounded = { ...family, axes: { ...one(firstOf(axes)), PAIRS: BOTH, INT8: BOTH } };
        return [
          all,
          ...(outline === 'rows' && storage === 'int4' ? [rounded] : []),
          { ...family, axes: { ...one(firstOf(axes)), ...shapes[outline], ...stacks, NORM: norm[outline] } },
        ];
      }),
    ),
  );
}

/** Storage and epilogues, then (on one storage) threads and stacks. */
function matmulFamilies(): Family[] {
  const shapes = { tiles: { THREADS: [128, 256] }, rows: {}, 'rows-subgroup': { LANES: [4, 8, 16] } };
  return (['tiles', 'rows', 'rows-subgroup'] as const).flatMap((outline) =>
    STORAGES.flatMap(([storage, axes]) => {
      const kernel = MATMUL_KERNELS[outline][storage];
      const family = { kernel, epilogues: true, elem: ELEMENTS, subgroups: outline === 'rows-subgroup' } as const;
      return [
        { ...family, axes },
        { ...family, axes: { ...one(firstOf(axes)), ...shapes[outline] } },
      ];
    }),
  );
}

/** Group sizes and head sizes between their bounds, where they share workgroup memory and registers out differently. */
function attentionFamilies(): Family[] {
  const heads = [
    [1, 32],
    [5, 128],
    [8, 128],
    [16, 64],
    [8, 256],
    [3, 200],
  ] as const;
  return [undefined, 4, 8, 16].flatMap((lanes) =>
    heads.flatMap(([numHeads, headDim]) => {
      const shape = { numHeads, numKvHeads: 1, headDim, chunked: true, kvDtype: 'f32' } as const;
      return [splitVariant, tileVariant].map((variantOf): Family => {
        const { kernel, overrides, subgroups } = variantOf({ name: '', lanes }, shape);
        return { kernel, axes: { ...one(overrides), KV_F16: BOTH }, subgroups };
      });
    }),
  );
}

function firstOf(axes: Axes): Record<string, number> {
  return Object.fromEntries(Object.entries(axes).map(([name, values]) => [name, values[0]!]));
}

export const allKernels: readonly Kernel[] = [...new Set(FAMILIES.map(({ kernel }) => kernel))];

/** The product of all axes of all kernels. */
export function* allVariants(): Generator<Variant> {
  for (const { kernel, axes, epilogues, elem = ['f32'] as const, subgroups = false } of FAMILIES) {
    for (const overrides of product(axes)) {
      for (const epilogue of epilogues ? EPILOGUES : [{}]) {
        for (const type of elem) {
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
