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
  /** Asked for only where something is to be advised. */
  readonly savings: () => readonly Saving[];
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

const SMALLER = 'Choose a smaller checkpoint: int4, with a backbone of int8 or int4, is the smallest that is read.';
const REMOTE = 'Use a remote OpenAI-compatible endpoint that serves this model (`fallback` of createEngine).';

export function advise(needs: Needs): Advice {
  const { total, budget, refusal } = needs;
  if (refusal) return { verdict: 'too-large', reason: sayRefusal(refusal, needs), nextSteps: beyondLimits(needs) };
  const needed = `${sayBytes(total)} of GPU memory are needed`;
  if (budget === undefined) {
    const reason = `${needed}, and no budget is set: WebGPU does not tell how much there is. Loading asks for all of it before the first weight byte is fetched.`;
    return { verdict: 'unproven', reason, nextSteps: withoutBudget(needs) };
  }
  const allowed = `the budget is ${sayBytes(budget)}`;
  if (total <= budget) {
    return { verdict: 'fits', reason: `${needed}; ${allowed}: ${sayBytes(budget - total)} stay free.`, nextSteps: [] };
  }
  const reason = `${needed}; ${allowed}: ${sayBytes(total - budget)} are missing.`;
  return { verdict: 'too-large', reason, nextSteps: overBudget(needs, total - budget) };
}

function withoutBudget(needs: Needs): string[] {
  const set = `Set a budget, the GPU memory that may be used: at least ${sayBytes(needs.total)} for this.`;
  return [set, ...smallerWays(needs).map(({ how, saves }) => `${how} saves ${sayBytes(saves)}.`)];
}

function overBudget(needs: Needs, missing: number): string[] {
  const { contextLength, contextLengthThatFits: fits = 0 } = needs;
  const steps: string[] = [];
  if (fits > 0 && fits < contextLength) {
    steps.push(`Choose a shorter context: ${sayCount(fits)} tokens fit, ${sayCount(contextLength)} do not.`);
  }
  const then = (saves: number): string => {
    return saves >= missing ? 'then it fits' : `then ${sayBytes(missing - saves)} are still missing`;
  };
  const ways = smallerWays(needs);
  for (const { how, saves } of ways) steps.push(`${how} saves ${sayBytes(saves)}; ${then(saves)}.`);
  const all = ways.reduce((sum, { saves }) => sum + saves, 0);
  if (ways.length > 1 && ways.every(({ saves }) => saves < missing)) {
    steps.push(`All of these together save ${sayBytes(all)}; ${then(all)}.`);
  }
  if (all < missing) steps.push(SMALLER);
  return [...steps, REMOTE];
}

/** They save on different buffers, so what they save adds up. */
function smallerWays({ halfKv, savings }: Needs): Saving[] {
  const kv = halfKv
    ? [{ how: "kvDtype: 'f16' (lossy: keys and values are rounded to half precision)", saves: halfKv }]
    : [];
  return [...kv, ...savings()];
}

function sayRefusal({ message }: OutriderError, { limitsAssumed }: Needs): string {
  const assumed = "These are the limits of every WebGPU adapter; name your adapter's own, which may allow more.";
  return limitsAssumed ? `${message} ${assumed}` : message;
}

function beyondLimits(needs: Needs): string[] {
  const { contextWithinLimits: longest, contextLength } = needs;
  const shorter = `Choose a shorter context: the adapter's limits allow ${sayCount(longest)} tokens.`;
  return [
    ...(longest > 0 && longest < contextLength ? [shorter] : []),
    ...smallerWays(needs).map(({ how, saves }) => `${how} saves ${sayBytes(saves)}.`),
    'Use a GPU, driver or browser with larger storage bindings.',
    REMOTE,
  ];
}
