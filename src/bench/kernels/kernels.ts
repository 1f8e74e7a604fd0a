/** The kernel cases that are benched, and what each comes to: seconds beside the roofline's, error beside the bound. */
import { attentionVariants } from '../../kernels/attention-variants.ts';
import { matmulVariants } from '../../kernels/matmul-variants.ts';
import { matvecVariants } from '../../kernels/matvec-variants.ts';
import { type ChosenVariants, type KernelOptions, kernelOptions } from '../../kernels/variants.ts';
import { type AttentionCase, cases as attentionCases } from '../../reference/attention.ts';
import { cases as matmulFloat } from '../../reference/matmul-float.ts';
import { cases as matmulInt4 } from '../../reference/matmul-int4.ts';
import { cases as matmulPacked } from '../../reference/matmul-packed.ts';
import { cases as matvecFloat } from '../../reference/matvec-float.ts';
import { cases as matvecInt4 } from '../../reference/matvec-int4.ts';
import { cases as matvecPacked } from '../../reference/matvec-packed.ts';
import type { ProjectionCase } from '../../reference/projection.ts';
import { encodeAll, type Lab } from '../lab.ts';
import type { KernelResult, Roofline } from '../results.ts';
import { shareOf, sumCost } from '../share.ts';
import type { TimingOptions } from '../timing.ts';
import { prepareAttention } from './attention.ts';
import { BOUNDS, normalizedError } from './error.ts';
import { prepareProjection } from './projection.ts';
import type { Prepared } from './subject.ts';

export type Family = 'matvec' | 'matmul' | 'attention';

/** One case in one variant. */
export interface KernelSubject {
  readonly family: Family;
  readonly case: string;
  readonly variant: string;
  readonly prepare: (lab: Lab) => Promise<Prepared>;
}

const PROJECTIONS: Readonly<Record<'matvec' | 'matmul', readonly ProjectionCase[]>> = {
  matvec: [...matvecInt4, ...matvecFloat, ...matvecPacked],
  matmul: [...matmulInt4, ...matmulFloat, ...matmulPacked],
};

/**
 * What is benched on this adapter, most important first.
 * @param every all lossless variants of each family; else the chosen ones, or the best guesses
 * @param quick one case a family
 */
export function kernelSubjects(
  { gpu }: Lab,
  { chosen = {}, every, quick }: { readonly chosen?: ChosenVariants; readonly every: boolean; readonly quick: boolean },
): KernelSubject[] {
  const { facts } = gpu;
  const names: Readonly<Record<Family, readonly { readonly name: string }[]>> = {
    matvec: matvecVariants(facts),
    matmul: matmulVariants(facts),
    attention: attentionVariants(facts),
  };
  const optionsOf = (family: Family): KernelOptions[] => {
    const tried = every ? names[family].map(({ name }) => name) : [chosen[family]];
    return tried.map((name) => kernelOptions(facts, 'f32', { ...chosen, [family]: name }));
  };
  const projections = (['matvec', 'matmul'] as const).flatMap((family) =>
    first(
      PROJECTIONS[family].filter(({ bench }) => bench),
      quick,
    ).flatMap((testCase) =>
      optionsOf(family).map((options) => ({
        family,
        case: testCase.name,
        variant: options[family].name,
        prepare: (lab: Lab) => prepareProjection(lab, family, testCase, options),
      })),
    ),
  );
  const attentions = first(attentionCases.filter(isTrueSize), quick).flatMap((testCase) =>
    optionsOf('attention').map((options) => ({
      family: 'attention' as const,
      case: testCase.name,
      variant: options.attention.name,
      prepare: (lab: Lab) => prepareAttention(lab, testCase),
    })),
  );
  return [...projections, ...attentions];
}

/** Scout's own heads: what smaller ones take says little. */
function isTrueSize({ numAttentionHeads, headDim }: AttentionCase): boolean {
  return numAttentionHeads === 40 && headDim === 128;
}

function first<T>(cases: readonly T[], quick: boolean): readonly T[] {
  return quick ? cases.slice(0, 1) : cases;
}

/** Throws the signal's reason, and what `Lab.scoped` throws. */
export function benchKernel(
  lab: Lab,
  subject: KernelSubject,
  roofline: Roofline,
  timing: TimingOptions,
): Promise<KernelResult> {
  return lab.scoped(subject.case, async () => {
    const { runs, elem, expected, found } = await subject.prepare(lab);
    await lab.run(runs[0]!);
    const error = normalizedError(await found(), expected);
    const cost = sumCost(runs[0]!);
    const seconds = (await lab.timer.time(encodeAll(runs.flat()), timing)) / runs.length;
    return {
      kernel: runs[0]![0]!.kernel,
      case: subject.case,
      variant: subject.variant,
      seconds,
      ...cost,
      share: shareOf(cost, seconds, roofline),
      error,
      bound: BOUNDS[elem],
      correct: error <= BOUNDS[elem],
    };
  });
}
