/** Compares a model with stored logits, hidden states, routes and greedy ids of prompts. */
import type { Activations } from '../kernels/variants.ts';
import type { GpuRunner } from '../model/gpu-runner.ts';
import type { Probe, ProbeResult } from '../model/probe.ts';
import type { Sampling } from '../model/runner.ts';
import type { ExpectedTensors } from './expected.ts';

export interface Report {
  readonly ok: boolean;
  readonly text: string;
}

/** Absolute, on logits with a standard deviation of 3: rounding of f32 sums stays below 2e-4, the least mistake above. */
export const TOLERANCE = 1e-3;

/** Prefill in one block, in blocks of 16, and token by token: all must agree. */
const BLOCKS = [256, 16, 1];

export const GREEDY: Sampling = { temperature: 0, topP: 1, topK: 0, minP: 0, random: 0 };

interface Tally {
  logits: number;
  hidden: number;
  routes: [equal: number, all: number];
  argmax: [equal: number, all: number];
  greedy: [equal: number, all: number];
}

export async function checkTensors(
  runner: GpuRunner,
  probe: Probe,
  expected: ExpectedTensors,
  activations: Activations,
): Promise<Report> {
  return activations === 'f32' ? checkExact(runner, probe, expected) : checkLossy(runner, probe, expected, activations);
}

async function checkExact(runner: GpuRunner, probe: Probe, expected: ExpectedTensors): Promise<Report> {
  const tally: Tally = { logits: 0, hidden: 0, routes: [0, 0], argmax: [0, 0], greedy: [0, 0] };
  for (const prompt of expected.prompts) {
    const ids = expected.get(`${prompt}.ids`)!;
    for (const blockRows of BLOCKS) {
      compare(tally, expected, prompt, await probe.run(ids, { blockRows }), runner.config.moeLayers);
      await compareGreedy(tally, runner, ids, expected.get(`${prompt}.greedy`), blockRows);
    }
  }
  const { logits, hidden, routes, argmax, greedy } = tally;
  const ok =
    logits <= TOLERANCE && hidden <= TOLERANCE && [routes, argmax, greedy].every(([equal, all]) => equal === all);
  const counts = `routes ${routes.join('/')}, argmax ${argmax.join('/')}, greedy ${greedy.join('/')}`;
  return { ok, text: `max logit error ${logits.toExponential(1)}, hidden ${hidden.toExponential(1)}, ${counts}` };
}

/** Rows of the blocks that a lossy way is tried with: int8 is for one token at a time. */
const LOSSY_BLOCKS = { f16: [256, 1], int8: [1] };

/** Fewer bits: the routes are forced to the golden's, so that a near tie does not hide the arithmetic's own error. */
async function checkLossy(
  runner: GpuRunner,
  probe: Probe,
  expected: ExpectedTensors,
  activations: Exclude<Activations, 'f32'>,
): Promise<Report> {
  const greedy: [number, number] = [0, 0];
  let ok = true;
  let worst = 0; // mean error over Transformers' bf16 mean error
  let meanAbs = 0;
  let gated = 0;
  let flips = 0;
  let choices = 0;
  let allowedFlips = 0;
  for (const prompt of expected.prompts) {
    const ids = expected.get(`${prompt}.ids`)!;
    const routes = runner.config.moeLayers.map((layer) => expected.get(`${prompt}.router.${layer}.index`)!);
    const wanted = expected.get(`${prompt}.logits`)!;
    let error = 0;
    for (const blockRows of LOSSY_BLOCKS[activations]) {
      const forced = await probe.run(ids, { blockRows, forcedExperts: routes });
      error = Math.max(error, meanError(forced.logits.subarray(forced.logits.length - wanted.length), wanted));
    }
    meanAbs = Math.max(meanAbs, error);
    const bf16 = expected.bf16(prompt);
    if (bf16) {
      const free = await probe.run(ids, { blockRows: 1 });
      const flipped = free.experts.reduce(
        (sum, own, layer) => sum + own.filter((expert, token) => expert !== routes[layer]![token]).length,
        0,
      );
      flips += flipped;
      choices += routes.reduce((sum, list) => sum + list.length, 0);
      gated++;
      allowedFlips += bf16.flips;
      worst = Math.max(worst, error / bf16.meanAbs);
    }
    const counted: Tally = { logits: 0, hidden: 0, routes: [0, 0], argmax: [0, 0], greedy };
    await compareGreedy(counted, runner, ids, expected.get(`${prompt}.greedy`), undefined);
  }
  const all = gated === expected.prompts.length;
  if (gated > 0) ok = worst <= 1 && (!all || flips <= allowedFlips);
  const gate =
    gated === 0
      ? 'no bf16 figures to gate by'
      : `${worst.toFixed(2)} of bf16's, flips ${flips}/${choices} of ${allowedFlips} allowed`;
  return {
    ok,
    text: `${activations}: mean logit error ${meanAbs.toExponential(1)} with routes forced, ${gate}, greedy ${greedy.join('/')} (not gated)`,
  };
}

function compare(
  tally: Tally,
  expected: ExpectedTensors,
  prompt: string,
  result: ProbeResult,
  moeLayers: readonly number[],
): void {
  const logits = expected.get(`${prompt}.logits`)!; // the last rows at least
  tally.logits = Math.max(tally.logits, maxError(result.logits.subarray(result.logits.length - logits.length), logits));
  for (const [name, values] of result.hidden) {
    const wanted = expected.get(`${prompt}.hidden.${name}`);
    if (wanted) tally.hidden = Math.max(tally.hidden, maxError(values, wanted));
  }
  moeLayers.forEach((layer, index) => {
    const routerLogits = expected.get(`${prompt}.router.${layer}.logits`);
    if (routerLogits) tally.hidden = Math.max(tally.hidden, maxError(result.routerLogits[index]!, routerLogits));
    const scores = expected.get(`${prompt}.router.${layer}.score`);
    if (scores) tally.hidden = Math.max(tally.hidden, maxError(result.scores[index]!, scores));
    count(tally.routes, result.experts[index]!, expected.get(`${prompt}.router.${layer}.index`)!);
  });
  const argmax = expected.get(`${prompt}.argmax`)!;
  const vocab = result.logits.length / argmax.length;
  count(tally.argmax, argmaxOfRows(result.logits, vocab), argmax);
}

/** Greedy ids by the runner that the engine uses, several steps in flight. */
export async function greedyIds(
  runner: GpuRunner,
  ids: ArrayLike<number>,
  length: number,
  blockRows?: number,
): Promise<number[]> {
  if (length === 0) return [];
  const first = await runner.prefill(ids, 0, GREEDY, blockRows === undefined ? {} : { blockRows });
  const found = [first.id];
  const flying: Promise<{ id: number }>[] = [];
  for (let position = ids.length; position < ids.length + length - 1; position++) {
    flying.push(runner.step(position, GREEDY));
    if (flying.length >= runner.runAhead) found.push((await flying.shift()!).id);
  }
  for (const step of flying) found.push((await step).id);
  return found;
}

async function compareGreedy(
  tally: Tally,
  runner: GpuRunner,
  ids: ArrayLike<number>,
  wanted: ArrayLike<number> | undefined,
  blockRows: number | undefined,
): Promise<void> {
  if (wanted) count(tally.greedy, await greedyIds(runner, ids, wanted.length, blockRows), wanted);
}

function count(into: [number, number], found: ArrayLike<number>, wanted: ArrayLike<number>): void {
  for (let i = 0; i < wanted.length; i++) into[0] += found[i] === wanted[i] ? 1 : 0;
  into[1] += wanted.length;
}

/** NaN counts as an infinite error. */
export function maxError(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < wanted.length; i++) {
    const error = Math.abs(found[i]! - wanted[i]!);
    if (!(error <= worst)) worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return worst;
}

function meanError(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < wanted.length; i++) sum += Math.abs(found[i]! - wanted[i]!);
  return sum / wanted.length;
}

function argmaxOfRows(values: Float32Array, cols: number): number[] {
  return Array.from({ length: values.length / cols }, (_, row) => {
    const at = row * cols;
    let best = 0;
    for (let col = 1; col < cols; col++) if (values[at + col]! > values[at + best]!) best = col;
    return best;
  });
}
