/** The kernel cases that are benched, and what each comes to: seconds beside the roofline's, error beside the bound. */
import type { AdapterFacts } from '../../gpu/device.ts';
import type { Activations } from '../../kernels/adapter-class.ts';
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

/** What a case stands for where a whole model is estimated. */
export type Role = 'weights' | 'keys' | 'block' | 'blockKeys';

/** One case in one variant. */
export interface KernelSubject {
  readonly family: Family;
  readonly role: Role | undefined;
  readonly case: string;
  readonly variant: string;
  /** f32 is lossless; what is not is benched apart. */
  readonly activations: Activations;
  readonly prepare: (lab: Lab) => Promise<Prepared>;
}

const PROJECTIONS: Readonly<Record<'matvec' | 'matmul', readonly ProjectionCase[]>> = {
  matvec: [...matvecInt4, ...matvecFloat, ...matvecPacked],
  matmul: [...matmulInt4, ...matmulFloat, ...matmulPacked],
};

export interface SubjectOptions {
  readonly chosen: ChosenVariants;
  /** All lossless variants of each family; else the chosen ones. */
  readonly every: boolean;
  /** One case for each role. */
  readonly quick: boolean;
}

/** What is benched on this adapter. Throws `invalid_request` for a variant that it does not have. */
export function kernelSubjects({ gpu }: Lab, options: SubjectOptions): KernelSubject[] {
  const matvecs = projectionSubjects('matvec', gpu.facts, options);
  const lossy = options.quick ? [] : lossySubjects(gpu.facts);
  return [
    ...matvecs,
    ...lossy,
    ...projectionSubjects('matmul', gpu.facts, options),
    ...attentionSubjects(gpu.facts, options),
  ];
}

function projectionSubjects(
  family: 'matvec' | 'matmul',
  facts: AdapterFacts,
  options: SubjectOptions,
): KernelSubject[] {
  const cases = PROJECTIONS[family].filter(({ bench }) => bench);
  return select(cases, (one) => projectionRole(family, one), options.quick).flatMap((testCase) =>
    waysOf(family, facts, options).map((way) => projectionSubject(family, testCase, way, 'f32')),
  );
}

function projectionSubject(
  family: 'matvec' | 'matmul',
  testCase: ProjectionCase,
  way: KernelOptions,
  activations: Activations,
): KernelSubject {
  return {
    family,
    role: activations === 'f32' ? projectionRole(family, testCase) : undefined,
    case: testCase.name,
    variant: activations === 'f16' ? `${way[family].name}, f16` : way[family].name,
    activations,
    prepare: (lab) => prepareProjection(lab, family, testCase, way),
  };
}

/** int4 matvecs with activations in f16, where the adapter has it, and in int8. */
function lossySubjects(facts: AdapterFacts): KernelSubject[] {
  const cases = PROJECTIONS.matvec.filter((one) => one.bench && projectionRole('matvec', one) === 'weights');
  const activations = facts.f16 ? (['f16', 'int8'] as const) : (['int8'] as const);
  return cases.flatMap((testCase) =>
    activations.map((type) => projectionSubject('matvec', testCase, kernelOptions(facts, type), type)),
  );
}

function attentionSubjects(facts: AdapterFacts, options: SubjectOptions): KernelSubject[] {
  return select(attentionCases.filter(isTrueSize), attentionRole, options.quick).flatMap((testCase) =>
    waysOf('attention', facts, options).map((way) => ({
      family: 'attention' as const,
      role: attentionRole(testCase),
      case: testCase.name,
      variant: way.attention.name,
      activations: 'f32' as const,
      prepare: (lab: Lab) => prepareAttention(lab, testCase, way),
    })),
  );
}

function waysOf(family: Family, facts: AdapterFacts, { chosen, every }: SubjectOptions): KernelOptions[] {
  const lists = { matvec: matvecVariants, matmul: matmulVariants, attention: attentionVariants };
  const names = every ? lists[family](facts).map(({ name }) => name) : [chosen[family]];
  return names.map((name) => kernelOptions(facts, 'f32', { ...chosen, [family]: name }));
}

function projectionRole(family: 'matvec' | 'matmul', { weights }: ProjectionCase): Role | undefined {
  if (weights.kind !== 'int4') return undefined;
  return family === 'matvec' ? 'weights' : 'block';
}

function attentionRole({ rows, kvDtype }: AttentionCase): Role | undefined {
  if (kvDtype === 'f16') return undefined;
  return rows === 1 ? 'keys' : 'blockKeys';
}

/** Scout's own heads: what smaller ones take says little. */
function isTrueSize({ numAttentionHeads, headDim }: AttentionCase): boolean {
  return numAttentionHeads === 40 && headDim === 128;
}

/** All, or the first of each role. */
function select<T>(cases: readonly T[], roleOf: (one: T) => Role | undefined, quick: boolean): T[] {
  const seen = new Set<Role | undefined>([undefined]);
  return cases.filter((one) => !quick || seen.size < seen.add(roleOf(one)).size);
}

/** Throws the signal's reason, and what `Lab.scoped` throws. */
export function benchKernel(
  lab: Lab,
  subject: KernelSubject,
  roofline: Roofline,
  timing: TimingOptions,
): Promise<KernelResult> {
  return lab.scoped(subject.case, async () => {
    const { runs, expected, found } = await subject.prepare(lab);
    await lab.run(runs[0]!);
    const bound = BOUNDS[subject.activations];
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
      bound,
      correct: error <= bound,
    };
  });
}
