/** Choices of a running model: several steps are in flight, so that only the GPU knows the answer's ids, and yet all is exact. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EVERY_FORMAT } from '../../src/checkpoint/formats/every.ts';
import { openCheckpoint } from '../../src/checkpoint/open.ts';
import { assignRoles } from '../../src/checkpoint/roles.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { SourceReader } from '../../src/loader/loader.ts';
import { parseConfig } from '../../src/model/config.ts';
import { scheduleLayers } from '../../src/model/irope.ts';
import { type LoadedModel, loadModel } from '../../src/model/load.ts';
import type { Adjustment, Sampled, Sampling } from '../../src/model/runner.ts';
import { adjustLogits, maskOf, NO_ADJUSTMENT } from '../../src/reference/adjust-logits.ts';
import { forward } from '../../src/reference/forward.ts';
import { logprobs } from '../../src/reference/logprobs.ts';
import { probabilities, spansOf } from '../../src/reference/sample.ts';
import { referenceWeights } from './reference-weights.ts';
import { sourceOfTiny, TINY, tinyFiles } from './tiny-model.ts';

/** The tokenizer knows fewer ids than there are logits. */
const NUM_TOKENS = TINY.vocab_size - 5;
/** The gate for f32 against f64. */
const TOLERANCE = 1e-3;
const STEPS = 14;
const GREEDY: Sampling = { temperature: 0, topP: 1, topK: 0, minP: 0, random: 0 };
const EVERYTHING = { ...GREEDY, temperature: 1.5 };

let model: LoadedModel;
/** Logits of all positions, in f64. [ids] -> [ids] of [NUM_TOKENS] */
let logitsAlong: (ids: readonly number[]) => Float64Array[];

beforeAll(async () => {
  const { gpu } = await openNodeGpu();
  const source = sourceOfTiny(tinyFiles());
  model = await loadModel(new SourceReader(source), { gpu, contextLength: 128, numTokens: NUM_TOKENS });
  const { configJson, tensors } = await openCheckpoint(source);
  const { config } = parseConfig(configJson);
  const weights = await referenceWeights(assignRoles(config, tensors, undefined, EVERY_FORMAT), {
    read: ({ file, start, end }) => source.read(file, start, end),
  });
  logitsAlong = (ids) => {
    const { logits } = forward(ids, config, scheduleLayers(config), weights);
    const at = (row: number) => logits.subarray(row * TINY.vocab_size, row * TINY.vocab_size + NUM_TOKENS);
    return ids.map((_, row) => at(row));
  };
});
afterAll(() => model.destroy());

/** A prefill, then steps of which as many are in flight as the model wants. @param samplingAt by the choice's number */
async function generate(prompt: readonly number[], samplingAt: (choice: number) => Sampling): Promise<Sampled[]> {
  const sampled = [await model.prefill(prompt, 0, samplingAt(0))];
  const flying: Promise<Sampled>[] = [];
  for (let choice = 1; choice <= STEPS; choice++) {
    if (flying.length === model.runAhead) sampled.push(await flying.shift()!);
    flying.push(model.step(prompt.length + choice - 1, samplingAt(choice)));
  }
  return [...sampled, ...(await Promise.all(flying))];
}

const idsOf = (sampled: readonly Sampled[]) => sampled.map(({ id }) => id);

const token = fc.nat({ max: NUM_TOKENS - 1 });
const penalty = fc.double({ min: -2, max: 2, noNaN: true });
const adjustments: fc.Arbitrary<Adjustment> = fc.record({
  repetitionPenalty: fc.double({ min: 0.5, max: 2, noNaN: true }),
  presencePenalty: penalty,
  frequencyPenalty: penalty,
  bias: fc.uniqueArray(fc.tuple(token, fc.constantFrom(100, 3, -2, -100, Number.NEGATIVE_INFINITY)), {
    selector: ([id]) => id,
    maxLength: 5,
  }),
});
/** More than a bias can forbid. */
const allowed = fc.uniqueArray(token, { minLength: 6, maxLength: 12 });

it('every id and log-probability of an answer is one that a simulation in f64 allows', async () => {
  const property = fc.asyncProperty(
    fc.array(token, { minLength: 1, maxLength: 20 }),
    fc.option(adjustments, { nil: undefined }),
    fc.array(fc.option(allowed, { nil: undefined }), { maxLength: STEPS }),
    fc.option(fc.constantFrom(0, 3, 20), { nil: undefined }),
    fc.boolean(),
    async (prompt, adjustment, masks, top, greedy) => {
      const samplingAt = (choice: number): Sampling => ({
        ...(greedy ? GREEDY : EVERYTHING),
        random: (((choice * 37) % 101) + 0.5) / 101,
        mask: masks[choice] && maskOf(masks[choice], NUM_TOKENS),
        logprobs: top,
      });
      model.adjust(adjustment, prompt);
      const sampled = await generate(prompt, samplingAt);
      const answer = idsOf(sampled);
      const rows = logitsAlong([...prompt, ...answer]).slice(prompt.length - 1);
      for (const [choice, { id, logprobs: found }] of sampled.entries()) {
        const { mask, random } = samplingAt(choice);
        const seen = { prompt, answer: answer.slice(0, choice) };
        const adjusted = adjustLogits(rows[choice]!, adjustment ?? NO_ADJUSTMENT, seen, mask);
        if (greedy) expect(adjusted[id]).toBeGreaterThanOrEqual(Math.max(...adjusted) - TOLERANCE);
        else {
          const options = { temperature: 1.5, topK: 0, topP: 1, minP: 0, numTokens: NUM_TOKENS };
          const span = spansOf(probabilities(adjusted, options)).find((one) => one.id === id)!;
          expect(random).toBeGreaterThan(span.start - TOLERANCE);
          expect(random).toBeLessThan(span.end + TOLERANCE);
        }
        expect(found === undefined).toBe(top === undefined);
        if (!found) continue;
        const expected = logprobs(rows[choice]!, id, top!);
        expect(Math.abs(found.chosen - expected.chosen)).toBeLessThan(TOLERANCE);
        expect(found.top).toHaveLength(top!);
        const wrong = found.top.filter(({ id, logprob }, rank) => {
          const own = logprobs(rows[choice]!, id, 0).chosen;
          return Math.abs(logprob - expected.top[rank]!.logprob) > TOLERANCE || Math.abs(logprob - own) > TOLERANCE;
        });
        expect(wrong).toEqual([]);
      }
    },
  );
  await fc.assert(property, { numRuns: 40 });
});

it('penalties change answers, a second answer begins to count anew, and a plain one is as if nothing had been asked', async () => {
  model.adjust(undefined, []);
  const prompt = [1, 2, 3, 4, 5];
  const sampled = (choice: number) => ({ ...EVERYTHING, topP: 0.9, random: ((choice * 13) % 17) / 17 });
  const plain = idsOf(await generate(prompt, sampled));
  model.adjust({ ...NO_ADJUSTMENT, frequencyPenalty: 30 }, prompt);
  const varied = idsOf(await generate(prompt, () => GREEDY));
  expect(new Set(varied).size).toBe(varied.length);
  expect(idsOf(await generate(prompt, () => GREEDY))).toEqual(varied);
  model.adjust({ ...NO_ADJUSTMENT, frequencyPenalty: -30 }, prompt);
  expect(new Set(idsOf(await generate(prompt, () => GREEDY))).size).toBe(1);
  model.adjust(undefined, []);
  expect(idsOf(await generate(prompt, sampled))).toEqual(plain);
  expect(idsOf(await generate(prompt, (choice) => ({ ...sampled(choice), logprobs: 5 })))).toEqual(plain);
});

it('where all ids are forbidden the answer fails and says so, and the next one succeeds', async () => {
  const bias = Array.from({ length: NUM_TOKENS }, (_, id) => [id, Number.NEGATIVE_INFINITY] as const);
  for (const sampling of [GREEDY, EVERYTHING]) {
    model.adjust({ ...NO_ADJUSTMENT, bias }, []);
    const message = `None of the ${NUM_TOKENS} tokens could be chosen`;
    await expect(model.prefill([1, 2], 0, sampling)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining(message) as string,
    });
    model.adjust({ ...NO_ADJUSTMENT, bias: bias.slice(1) }, []);
    expect(await model.prefill([1, 2], 0, sampling)).toMatchObject({ id: 0 });
  }
});

it.each([
  ['a bias on no id', () => model.adjust({ ...NO_ADJUSTMENT, bias: [[NUM_TOKENS, 1]] }, []), /bias on the id 91/],
  ['a mask that is too short', () => step({ mask: new Uint32Array(2) }), /mask of 2 words where 3/],
  ['too many log-probabilities', () => step({ logprobs: 21 }), /21 log-probabilities where 0 \.\. 20/],
])('%s is refused, and takes no place among the steps in flight', async (_, misuse, message) => {
  model.adjust(undefined, []);
  await model.prefill([1, 2], 0, GREEDY);
  for (let times = 0; times <= model.runAhead; times++) await expect((async () => misuse())()).rejects.toThrow(message);
  await model.step(2, GREEDY);
});

const step = (asked: Partial<Sampling>) => model.step(2, { ...GREEDY, ...asked });
