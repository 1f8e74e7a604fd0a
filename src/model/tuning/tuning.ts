/**
 * Which of the lossless ways to compute each family of kernels is taken on an adapter: what was asked for, or what a
 * micro-benchmark of at most two seconds finds fastest on the model's own shapes. Before weights are laid out, since a
 * variant may have a layout of its own. Whatever is taken is checked before it is trusted; both are remembered.
 */
import { OutriderError } from '../../errors.ts';
import type { Gpu } from '../../gpu/device.ts';
import type { PipelineCache } from '../../gpu/kernel.ts';
import { attentionVariants } from '../../kernels/attention-variants.ts';
import { matmulVariants } from '../../kernels/matmul-variants.ts';
import { matvecVariants } from '../../kernels/matvec-variants.ts';
import { type AdapterClass, type ChosenVariants, type KernelOptions, kernelOptions } from '../../kernels/variants.ts';
import { Budget, type Family, measureFamily } from './measure.ts';
import { browserMemory, type TuningMemory } from './memory.ts';
import { kindOf } from './projections.ts';
import { selfCheck } from './self-check.ts';
import { type Subject, unlike } from './subject.ts';
import { kernelVersion } from './version.ts';

/** 'auto', or names; a family that is not named is 'auto'. */
export type VariantsOption = 'auto' | ChosenVariants;

/** How one family is computed, and why. */
export interface VariantChoice {
  readonly name: string;
  /**
   * `best guess`: for this class of adapter, where a measurement could not be kept (under Node). `budget over`: the same,
   * because measuring took too long. `cached`: an earlier measurement, or its attempt.
   */
  readonly why: 'asked for' | 'only one' | 'best guess' | 'measured' | 'cached' | 'budget over';
  /** Of a decoded token (matvec), of a prefilled one (matmul), of both (attention), about, by candidate; empty where not measured. */
  readonly seconds: Readonly<Record<string, number>>;
}

export type VariantTable = Readonly<Record<Family, VariantChoice>>;

export interface Tuned {
  readonly options: KernelOptions;
  readonly table: VariantTable;
}

export interface TuningRequest {
  readonly gpu: Gpu;
  readonly pipelines: PipelineCache;
  readonly subject: Subject;
  readonly activations: KernelOptions['elem'];
  readonly variants?: VariantsOption | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default the browser's; undefined: nothing is measured. */
  readonly memory?: TuningMemory | undefined;
}

const BUDGET_MS = 2000;
/** The best guess has an argument and a clock has noise: another one must be faster by this factor. */
const ADVANTAGE = 1.05;
const FAMILIES: readonly Family[] = ['matvec', 'attention', 'matmul'];

/** Names of the lossless variants that an adapter has, the best guess of each family first. */
export function variantNames(adapter: AdapterClass): Record<Family, string[]> {
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);
  return {
    matvec: names(matvecVariants(adapter)),
    matmul: names(matmulVariants(adapter)),
    attention: names(attentionVariants(adapter)),
  };
}

/** The names as the kernels want them. Throws `invalid_request` for one that this adapter does not have. */
export function namedVariants(adapter: AdapterClass, variants: VariantsOption = 'auto'): ChosenVariants {
  if (variants === 'auto') return {};
  const existing: Record<string, string[]> = variantNames(adapter);
  for (const [family, name] of Object.entries(variants)) {
    if (name === undefined || existing[family]?.includes(name)) continue;
    const allowed = existing[family] ?? Object.keys(existing);
    throw new OutriderError(
      'invalid_request',
      `variants.${family} is "${name}"; ${existing[family] ? 'this adapter has' : 'families are'} ${allowed.map((one) => `"${one}"`).join(', ')}.`,
      { details: { field: `variants.${family}`, found: name, allowed } },
    );
  }
  return variants;
}

/** @throws OutriderError `invalid_request` (a name), `gpu_incorrect`, `aborted`, and what a device reports */
export async function tuneKernels(request: TuningRequest): Promise<Tuned> {
  const { gpu, pipelines, subject, activations, variants, memory = browserMemory() } = request;
  const asked = namedVariants(gpu.facts, variants);
  const key = keyOf(gpu.facts, asked, request);
  const known = (await memory?.get(key)) as VariantTable | undefined;
  const table = known ? recalled(known) : await chooseAll(request, asked, memory !== undefined);
  const chosen = { matvec: table.matvec.name, matmul: table.matmul.name, attention: table.attention.name };
  const options = kernelOptions(gpu.facts, activations, chosen);
  if (!known) {
    await selfCheck(gpu, pipelines, options, subject);
    await memory?.set(key, table);
  }
  return { options, table };
}

/** Everything that a choice and a check depend on. */
function keyOf(facts: Gpu['facts'], asked: ChosenVariants, { subject, activations }: TuningRequest): string {
  const { token, block, attention } = subject;
  const work = [unlike([...token, ...block].map(kindOf), String), unlike(attention, (shape) => shape)];
  return JSON.stringify([kernelVersion(), facts, variantNames(facts), activations, asked, work]);
}

function recalled(table: VariantTable): VariantTable {
  const recall = (choice: VariantChoice): VariantChoice =>
    choice.why === 'measured' || choice.why === 'budget over' ? { ...choice, why: 'cached' } : choice;
  return { matvec: recall(table.matvec), matmul: recall(table.matmul), attention: recall(table.attention) };
}

async function chooseAll(
  { gpu, pipelines, subject, activations, signal }: TuningRequest,
  asked: ChosenVariants,
  measuring: boolean,
): Promise<VariantTable> {
  const names = variantNames(gpu.facts);
  const budget = new Budget(BUDGET_MS, signal);
  const choose = async (family: Family): Promise<VariantChoice> => {
    const candidates = names[family];
    const [guess] = candidates;
    const own = asked[family];
    if (own) return { name: own, why: 'asked for', seconds: {} };
    if (candidates.length === 1) return { name: guess!, why: 'only one', seconds: {} };
    if (!measuring) return { name: guess!, why: 'best guess', seconds: {} };
    const options = candidates.map((name) => kernelOptions(gpu.facts, activations, { [family]: name }));
    const seconds = await measureFamily(gpu, pipelines, family, options, subject, budget);
    if (!seconds) return { name: guess!, why: 'budget over', seconds: {} };
    const fastest = seconds.indexOf(Math.min(...seconds));
    const index = seconds[fastest]! * ADVANTAGE < seconds[0]! ? fastest : 0;
    const table = Object.fromEntries(candidates.map((name, at) => [name, seconds[at]!]));
    return { name: candidates[index]!, why: 'measured', seconds: table };
  };
  try {
    const table = {} as Record<Family, VariantChoice>;
    for (const family of FAMILIES) table[family] = await choose(family);
    return table;
  } finally {
    budget.end();
  }
}
