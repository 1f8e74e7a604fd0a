import { describe, expect, it } from 'vitest';
import { type ForwardResult, forward } from '../../src/reference/forward.ts';
import { argmax } from '../../src/reference/numbers.ts';
import { floats, type Golden, hasGolden, ints, loadGolden } from './goldens.ts';

/**
 * Transformers ran in f32, so its own rounding is the tolerance: its README measured 1.1e-4 on logits of deviation 3
 * against independent code, and 1e-3 is what the project promises.
 */
const tolerance = 2e-4;

const models = ['scout-random', 'maverick-random', 'scout-random-w4a16', 'scout-random-w4a16-asym-g64'];

describe.each(models)('the reference forward on %s', { timeout: 60_000 }, (name) => {
  it.skipIf(!hasGolden(name))('computes what Transformers computes for every stored prompt [needs ../shared]', () => {
    const golden = loadGolden(name);
    for (const prompt of golden.prompts) {
      const result = forward(ints(golden.expected, `${prompt}.ids`), golden.config, golden.schedule, golden.weights);
      compareHidden(golden, prompt, result);
      compareRoutes(golden, prompt, result);
      compareLogits(golden, prompt, result);
    }
  });
});

it.skipIf(!hasGolden('scout-random'))(
  'a forced route changes the expert but not the score formula [needs ../shared]',
  () => {
    const golden = loadGolden('scout-random');
    const ids = ints(golden.expected, 'len7.ids');
    const forcedRoutes = new Map([[2, new Int32Array(ids.length).fill(5)]]);
    const free = forward(ids, golden.config, golden.schedule, golden.weights);
    const forced = forward(ids, golden.config, golden.schedule, golden.weights, { forcedRoutes, logitRows: 1 });
    expect(forced.hidden[1]).toEqual(free.hidden[1]);
    expect(forced.hidden[2]).not.toEqual(free.hidden[2]);
    const { logits, index, score } = forced.routes.get(2)!;
    expect(Array.from(index)).toEqual(Array(ids.length).fill(5));
    expect(score[3]).toBeCloseTo(1 / (1 + Math.exp(-logits[3 * 16 + 5]!)), 12);
    expect(forced.logits.length).toBe(golden.config.vocabSize);
  },
);

function compareHidden({ expected }: Golden, prompt: string, { embed, hidden }: ForwardResult): void {
  expect(maxError(embed, floats(expected, `${prompt}.hidden.embed`)), `${prompt} embedding`).toBe(0);
  hidden.forEach((values, layer) => {
    const error = maxError(values, floats(expected, `${prompt}.hidden.${layer}`));
    expect(error, `${prompt} hidden ${layer}`).toBeLessThan(tolerance);
  });
}

function compareRoutes({ expected }: Golden, prompt: string, { routes }: ForwardResult): void {
  for (const [layer, { logits, index, score }] of routes) {
    const at = `${prompt}.router.${layer}`;
    expect(Array.from(index), at).toEqual(Array.from(ints(expected, `${at}.index`)));
    expect(maxError(logits, floats(expected, `${at}.logits`)), at).toBeLessThan(tolerance);
    expect(maxError(score, floats(expected, `${at}.score`)), at).toBeLessThan(tolerance);
  }
}

function compareLogits({ expected, config }: Golden, prompt: string, { logits }: ForwardResult): void {
  const stored = floats(expected, `${prompt}.logits`);
  const error = maxError(logits.subarray(logits.length - stored.length), stored);
  expect(error, `${prompt} logits`).toBeLessThan(tolerance);
  const vocabulary = config.vocabSize;
  const best = ints(expected, `${prompt}.argmax`).map((_, row) =>
    argmax(logits.subarray(row * vocabulary, (row + 1) * vocabulary)),
  );
  expect(Array.from(best)).toEqual(Array.from(ints(expected, `${prompt}.argmax`)));
}

/** Largest absolute difference; NaN and a different length count as infinite. */
function maxError(found: Float64Array, wanted: Float32Array): number {
  if (found.length !== wanted.length) return Number.POSITIVE_INFINITY;
  const error = wanted.reduce((worst, value, at) => Math.max(worst, Math.abs(found[at]! - value)), 0);
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}
