/** The verdict of a plan, and what to do about it, in sentences with both numbers. */
import type { OutriderError } from '../../errors.ts';
import type { Saving } from './weights.ts';
import { sayBytes, sayCount } from './words.ts';

export interface Advice {
  /** `unproven`: no budget is set, and only the allocation will tell. */
  readonly verdict: 'fits' | 'unproven' | 'too-large';
  /** A sentence with both numbers. */
  readonly reason: string;
  /** Sentences, the least costly step first; empty where it fits. */
  readonly nextSteps: readonly string[];
}

/** All sizes are bytes on the GPU. */
export interface Needs {
  readonly total: number;
  readonly contextLength: number;
  /** How many bytes f16 instead of f32 keys and values save; undefined where they are f16 already, or cannot be. */
  readonly halfKv: number | undefined;
  readonly savings: readonly Saving[];
  readonly budget: number | undefined;
  /** The longest context that the budget holds; 0: none does. Undefined without a budget. */
  readonly contextLengthThatFits: number | undefined;
  /** Why the adapter's limits cannot be kept, if they cannot. */
  readonly refusal: OutriderError | undefined;
  /** Nobody said what the adapter allows. */
  readonly limitsAssumed: boolean;
  /** The longest context that the adapter's limits allow; 0: none. */
  readonly contextWithinLimits: number;
}

const REMOTE = 'Use a remote OpenAI-compatible endpoint for this model, and this device only for what fits.';
const SMALLER = 'Choose a smaller checkpoint: int4 with an int8 or int4 backbone is the smallest that is read.';

export function advise(needs: Needs): Advice {
  const { total, budget, refusal } = needs;
  if (refusal) return { verdict: 'too-large', reason: sayRefusal(refusal, needs), nextSteps: beyondLimits(needs) };
  if (budget === undefined) {
    const reason = `${sayBytes(total)} of GPU memory are needed, and no budget is set: WebGPU does not tell how much there is. Loading asks for all of it before the first weight byte is fetched.`;
    const step = `Set a budget (how much GPU memory may be used) of at least ${sayBytes(total)} to get a verdict.`;
    return { verdict: 'unproven', reason, nextSteps: [step] };
  }
  const [needed, allowed] = [`${sayBytes(total)} of GPU memory are needed`, `the budget is ${sayBytes(budget)}`];
  if (total <= budget) {
    return { verdict: 'fits', reason: `${needed}; ${allowed}: ${sayBytes(budget - total)} stay free.`, nextSteps: [] };
  }
  const reason = `${needed}; ${allowed}: ${sayBytes(total - budget)} are missing.`;
  return { verdict: 'too-large', reason, nextSteps: overBudget(needs, budget) };
}

function overBudget({ total, contextLength, contextLengthThatFits: fits = 0, halfKv, savings }: Needs, budget: number) {
  const missing = total - budget;
  const enough = (saves: number): string =>
    saves >= missing ? 'then it fits' : `then ${sayBytes(missing - saves)} are still missing`;
  const steps: string[] = [];
  if (fits > 0 && fits < contextLength) {
    steps.push(
      `Choose a shorter context: at most ${sayCount(fits)} tokens fit, ${sayCount(contextLength)} were asked for.`,
    );
  }
  if (halfKv !== undefined) {
    steps.push(`Store keys and values as f16 (kvDtype: 'f16'): saves ${sayBytes(halfKv)}; ${enough(halfKv)}.`);
  }
  for (const { how, saves } of savings) {
    steps.push(`Give up exactness: ${how} saves ${sayBytes(saves)}; ${enough(saves)}.`);
  }
  const all = savings.reduce((sum, { saves }) => sum + saves, halfKv ?? 0);
  if (all < missing) steps.push(SMALLER);
  return [...steps, REMOTE];
}

function sayRefusal({ message }: OutriderError, { limitsAssumed }: Needs): string {
  const assumed = "These are the limits of every WebGPU adapter; name your adapter's own, which may allow more.";
  return limitsAssumed ? `${message} ${assumed}` : message;
}

function beyondLimits({ contextWithinLimits, contextLength, savings }: Needs): string[] {
  const shorter = contextWithinLimits > 0 && contextWithinLimits < contextLength;
  return [
    ...(shorter
      ? [`Choose a shorter context: the adapter's limits allow ${sayCount(contextWithinLimits)} tokens.`]
      : []),
    ...savings.map(({ how, saves }) => `Give up exactness: ${how} saves ${sayBytes(saves)}.`),
    'Use a GPU, driver or browser with larger storage bindings.',
    REMOTE,
  ];
}
