/**
 * Which of the lossless ways to compute each family of kernels is taken on an adapter: what was asked for, or what a
 * micro-benchmark of at most two seconds finds fastest on the model's own shapes. Before weights are laid out, since a
 * variant may have a layout of its own. Whatever is taken is checked before it is trusted; both are remembered.
 */
import type { Gpu } from '../../gpu/device.ts';
import { kernelsHash, type PipelineCache } from '../../gpu/kernel.ts';
import { attentionVariants } from '../../kernels/attention-variants.ts';
import { matmulVariants } from '../../kernels/matmul-variants.ts';
import { matvecVariants } from '../../kernels/matvec-variants.ts';
import {
  type Activations,
  type AdapterClass,
  type ChosenVariants,
  type KernelOptions,
  kernelOptions,
} from '../../kernels/variants.ts';
import { abortError } from '../../storage/source.ts';
import { type Budget, type Family, measureFamily } from './measure.ts';
import { browserMemory, type TuningMemory } from './memory.ts';
import { selfCheck } from './self-check.ts';
import { type Subject, tally } from './subject.ts';

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
  readonly activations: Activations;
  readonly variants?: VariantsOption | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default the browser's; undefined: nothing is measured. */
  readonly memory?: TuningMemory | undefined;
}

/** Of what is remembered; counts up when `VariantTable` changes. */
const FORMAT = 1;
const BUDGET_MS = 2000;
/** The best guess has an argument and a clock has noise: another one must be faster by this factor. */
const ADVANTAGE = 1.05;

/** Names of the variants that an adapter has, the best guess of each family first. They differ in nothing but rounding of f32. */
export function variantNames(adapter: AdapterClass, activations?: Activations): Record<Family, string[]> {
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);
  return {
    matvec: names(matvecVariants(adapter, activations)),
    matmul: names(matmulVariants(adapter)),
    attention: names(attentionVariants(adapter)),
  };
}

/** @throws OutriderError `invalid_request` (a name), `gpu_incorrect`, `aborted`, and what a device reports */
export async function tuneKernels(request: TuningRequest): Promise<Tuned> {
  const { gpu, pipelines, subject, activations, variants = 'auto', memory = browserMemory() } = request;
  const { facts } = gpu;
  const asked: ChosenVariants = variants === 'auto' ? {} : variants;
  kernelOptions(facts, activations, asked); // throws for names that it does not have
  const names = variantNames(facts, activations);
  const work = tally(Object.values(subject).flat());
  const key = JSON.stringify([FORMAT, kernelsHash(), facts, names, activations, asked, work]);
  const budget = memory && startBudget(BUDGET_MS, request.signal);
  const known = (await budget?.within(memory!.get(key))) as VariantTable | undefined;
  const choose = async (family: Family): Promise<VariantChoice> => {
    const [guess] = names[family];
    if (asked[family]) return { name: asked[family], why: 'asked for', seconds: {} };
    if (names[family].length === 1) return { name: guess!, why: 'only one', seconds: {} };
    if (known) return { ...known[family], why: 'cached' };
    if (!budget) return { name: guess!, why: 'best guess', seconds: {} };
    const options = names[family].map((name) => kernelOptions(facts, activations, { [family]: name }));
    const seconds = await measureFamily(gpu, pipelines, family, options, subject, budget);
    return seconds ? fastest(names[family], seconds) : { name: guess!, why: 'budget over', seconds: {} };
  };
  const table = {
    matvec: await choose('matvec'),
    attention: await choose('attention'),
    matmul: await choose('matmul'),
  };
  const { matvec, attention, matmul } = table;
  const chosen = { matvec: matvec.name, attention: attention.name, matmul: matmul.name };
  const options = kernelOptions(facts, activations, chosen);
  if (!known) {
    await selfCheck(gpu, pipelines, options, activations, subject);
    await memory?.set(key, table);
  }
  return { options, table };
}

function fastest(names: readonly string[], all: readonly number[]): VariantChoice {
  const least = Math.min(...all);
  const name = names[least * ADVANTAGE < all[0]! ? all.indexOf(least) : 0]!;
  return { name, why: 'measured', seconds: Object.fromEntries(names.map((one, at) => [one, all[at]!])) };
}

export function startBudget(milliseconds: number, signal: AbortSignal | undefined): Budget {
  const end = performance.now() + milliseconds;
  const over = new Promise<undefined>((resolve, reject) => {
    setTimeout(resolve, milliseconds);
    const abort = () => reject(abortError(signal!));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
  });
  over.catch(() => {}); // whether anyone waits or not
  return {
    within(work) {
      work.catch(() => {}); // what goes on after the time is over is nobody's
      return Promise.race([over, work]);
    },
    left: () => end - performance.now(),
  };
}
