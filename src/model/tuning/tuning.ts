/**
 * Which of the lossless ways to compute each family of kernels is taken on an adapter: what was asked for, or what a
 * micro-benchmark of at most two seconds finds fastest on the model's own shapes. Before weights are laid out, since a
 * variant may have a layout of its own. Whatever is taken is checked before it is trusted; both are remembered.
 */

import { abortError } from '../../errors.ts';
import type { AdapterFacts } from '../../gpu/device.ts';
import type { KvDtype } from '../../kernels/attention.ts';
import { type Activations, type ChosenVariants, type Family, namesIn } from '../../kernels/variants.ts';
import type { TrialBench } from './bench.ts';
import { type Budget, measureFamily } from './measure.ts';
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

/** What choosing depends on beside the model. Plain data. */
export interface TuningRequest {
  readonly facts: AdapterFacts;
  /** Of all kernels' WGSL: what is remembered of others is not true of these. */
  readonly kernels: number;
  /** What the adapter has, the best guess of each family first. */
  readonly names: Readonly<Record<Family, readonly string[]>>;
  /** Names that the adapter has. */
  readonly asked: ChosenVariants;
  readonly activations: Activations;
  readonly kvDtype?: KvDtype | undefined;
}

export interface TuningOptions {
  readonly signal?: AbortSignal | undefined;
  /** Default the browser's; undefined: nothing is measured. */
  readonly memory?: TuningMemory | undefined;
}

/** Of what is remembered; counts up when `VariantTable` changes. */
const FORMAT = 1;
const BUDGET_MS = 2000;
/** The best guess has an argument and a clock has noise: another one must be faster by this factor. */
const ADVANTAGE = 1.05;

/** @throws OutriderError `gpu_incorrect`, `aborted`, and what a device reports */
export async function tuneKernels(
  { facts, kernels, names, asked, activations }: TuningRequest,
  subject: Subject,
  bench: TrialBench,
  { signal, memory = browserMemory() }: TuningOptions = {},
): Promise<VariantTable> {
  const work = tally(Object.values(subject).flat());
  const key = JSON.stringify([FORMAT, kernels, facts, names, activations, asked, work]);
  const budget = memory && startBudget(BUDGET_MS, signal);
  const known = (await budget?.within(memory!.get(key))) as VariantTable | undefined;
  const choose = async (family: Family): Promise<VariantChoice> => {
    const [guess] = names[family];
    if (asked[family]) return { name: asked[family], why: 'asked for', seconds: {} };
    if (names[family].length === 1) return { name: guess!, why: 'only one', seconds: {} };
    if (known) return { ...known[family], why: 'cached' };
    if (!budget) return { name: guess!, why: 'best guess', seconds: {} };
    const candidates = names[family].map((name) => ({ [family]: name }));
    const seconds = await measureFamily(bench, facts.software, family, candidates, subject, budget);
    return seconds ? fastest(names[family], seconds) : { name: guess!, why: 'budget over', seconds: {} };
  };
  const table = {
    matvec: await choose('matvec'),
    attention: await choose('attention'),
    matmul: await choose('matmul'),
  };
  if (!known) {
    await selfCheck(bench, facts, activations, namesIn(table), subject);
    await memory?.set(key, table);
  }
  return table;
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
