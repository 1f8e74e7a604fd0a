/** Prompts and decode steps through the runner that the engine uses, by the clock. */
import type { Cost } from '../../gpu/plan.ts';
import type { GpuRunner } from '../../model/gpu-runner.ts';
import { cutPrompt } from '../../model/positions.ts';
import type { Sampling } from '../../model/runner.ts';
import type { DecodeResult, PrefillResult } from '../results.ts';
import { type Roofs, shareOf, sumCost } from '../share.ts';
import { median } from '../timing.ts';

export const GREEDY: Sampling = { temperature: 0, topP: 1, topK: 0, minP: 0, random: 0 };

export interface RunOptions {
  /** Of which the median counts. */
  readonly samples: number;
  readonly signal?: AbortSignal | undefined;
}

/** Rows of a block for accounting; operations do not depend on it. */
const BLOCK = 256;

/** A prompt of so many random ids, from the first token of an empty context to the first id that is chosen. */
export async function timePrefill(
  runner: GpuRunner,
  tokens: number,
  { samples, signal }: RunOptions,
): Promise<PrefillResult> {
  const { vocabSize } = runner.config;
  const ids = Uint32Array.from({ length: tokens }, (_, index) => (index * 7919 + 13) % vocabSize);
  const found: number[] = [];
  for (let sample = 0; sample <= samples; sample++) {
    signal?.throwIfAborted();
    const start = performance.now();
    await runner.prefill(ids, 0, GREEDY, { signal });
    if (sample > 0) found.push((performance.now() - start) / 1000); // the first one compiles
  }
  return { tokens, seconds: median(found), flops: prefillCost(runner, tokens).flops };
}

/** The head runs once, after the last block. */
function prefillCost(runner: GpuRunner, tokens: number): Cost {
  const pieces = cutPrompt(0, tokens, runner.schedule.chunk, BLOCK);
  const costs = pieces.map(({ start, end }) => {
    const dispatches = runner.dispatches({ position: start, rows: end - start });
    return { cost: sumCost(end === tokens ? dispatches : dispatches.filter(({ label }) => label !== 'lm_head')) };
  });
  return sumCost(costs);
}

/** `steps` tokens after `context` others, several in flight, as the engine runs them. What keys and values hold is no matter. */
export async function timeDecode(
  runner: GpuRunner,
  context: number,
  steps: number,
  roofs: Roofs,
  { samples, signal }: RunOptions,
): Promise<DecodeResult> {
  const found: number[] = [];
  for (let sample = 0; sample <= samples; sample++) {
    signal?.throwIfAborted();
    const start = performance.now();
    await decode(runner, context, sample === 0 ? 1 : steps);
    if (sample > 0) found.push((performance.now() - start) / 1000 / steps);
  }
  const middle = runner.dispatches({ position: context + Math.floor(steps / 2), rows: 1 });
  const cost = sumCost(middle);
  const seconds = median(found);
  return { context, seconds, ...cost, dispatches: middle.length, share: shareOf(cost, seconds, roofs) };
}

async function decode(runner: GpuRunner, from: number, steps: number): Promise<void> {
  const flying: Promise<unknown>[] = [];
  for (let position = from; position < from + steps; position++) {
    if (flying.length === runner.runAhead) await flying.shift();
    flying.push(runner.step(position, GREEDY));
  }
  await Promise.all(flying);
}

/** Greedy ids after a prompt. */
export async function greedyIds(runner: GpuRunner, prompt: readonly number[], count: number): Promise<number[]> {
  const ids = [(await runner.prefill(prompt, 0, GREEDY)).id];
  while (ids.length < count) ids.push((await runner.step(prompt.length + ids.length - 1, GREEDY)).id);
  return ids;
}
