/** Probabilities of tokens in words and steps. Pure. */
import type { ChosenToken } from '../conversations/answer.ts';

/** A row of the list of alternatives. */
export interface Chance {
  readonly text: string;
  /** Such as `42.1 %`. */
  readonly share: string;
  /** 0..1 */
  readonly probability: number;
  readonly isChosen: boolean;
}

/** The alternatives at a token's place, most probable first; the chosen one stands at its place, at the end where it is none of them. */
export function chancesOf({ text, logprob, top }: ChosenToken): readonly Chance[] {
  const at = top.findIndex((one) => one.text === text && one.logprob === logprob);
  const all = at < 0 ? [...top, { text, logprob }] : top;
  const chosen = at < 0 ? top.length : at;
  return all.map((one, index) => {
    const probability = Math.exp(one.logprob);
    return { text: one.text, share: formatShare(probability), probability, isChosen: index === chosen };
  });
}

/** 0..4: how surprising the token was; 0 for what was all but certain. */
export function surprise(logprob: number): number {
  const steps = [0.9, 0.5, 0.2, 0.05];
  const probability = Math.exp(logprob);
  const step = steps.findIndex((limit) => probability >= limit);
  return step < 0 ? steps.length : step;
}

/** Per cent, with as many places as tell it from 0 and from 100. */
export function formatShare(probability: number): string {
  const percent = 100 * probability;
  if (percent > 99.9 && percent < 100) return '> 99.9 %';
  if (percent < 0.1) return percent > 0 ? '< 0.1 %' : '0 %';
  return `${percent === 100 ? '100' : percent.toFixed(1)} %`;
}
