/** The choice as a run makes it: adjust-logits, sample and logprobs one after the other, against their oracles. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { adjustLogits, packEntries } from '../../src/kernels/adjust-logits.ts';
import { logprobs } from '../../src/kernels/logprobs.ts';
import { sample } from '../../src/kernels/sample.ts';
import { logprobWords, sliceBytes } from '../../src/kernels/sampling.ts';
import type { Adjustment } from '../../src/model/runner.ts';
import { adjustLogits as adjustReference, maskOf } from '../../src/reference/adjust-logits.ts';
import { logprobs as logprobsReference } from '../../src/reference/logprobs.ts';
import { seeded } from '../../src/reference/random.ts';
import { probabilities, type SampleOptions, spansOf } from '../../src/reference/sample.ts';
import { useLab } from './harness.ts';

const lab = useLab();

interface Choice {
  readonly logits: Float32Array<ArrayBuffer>; // [numTokens]
  readonly adjustment: Adjustment;
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
  readonly mask: Uint32Array<ArrayBuffer> | undefined;
  readonly options: SampleOptions;
  /** Which of the spans that the oracle finds is drawn from. */
  readonly draw: number;
  readonly top: number;
}

/** Quarters and powers of two: all sums and quotients are exact in f32, ties are many, and the oracle's choice is the only one. */
const quarters = (most: number) => fc.integer({ min: -4 * most, max: 4 * most }).map((value) => value / 4);
const size = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.constantFrom(1023, 1024, 1025, 2048),
  fc.integer({ min: 1, max: 4000 }),
);

const choices: fc.Arbitrary<Choice> = size.chain((numTokens) => {
  const id = fc.nat({ max: numTokens - 1 });
  const bias = fc.tuple(id, fc.oneof(fc.constantFrom(100, -100, Number.NEGATIVE_INFINITY), quarters(5)));
  const allowed = fc.oneof(fc.constant([]), fc.array(id, { maxLength: 50 }));
  return fc
    .record({
      seed: fc.string(),
      /** May be chosen, whatever else is forbidden. */
      sure: id,
      adjustment: fc.record({
        repetitionPenalty: fc.constantFrom(0.5, 1, 2, 4),
        presencePenalty: quarters(2),
        frequencyPenalty: quarters(2),
        bias: fc.uniqueArray(bias, { selector: ([token]) => token, maxLength: 30 }),
      }),
      prompt: fc.array(id, { maxLength: 20 }),
      answer: fc.array(fc.oneof(id, fc.constant(0)), { maxLength: 4 }),
      allowed: fc.option(allowed, { nil: undefined }),
      options: fc.record({
        temperature: fc.constantFrom(0, 0, 0.5, 1, 4),
        topK: fc.constantFrom(0, 0, 1, 5, 40),
        topP: fc.constantFrom(1, 1, 0.9, 0.3),
        minP: fc.constantFrom(0, 0, 0.05),
        numTokens: fc.constant(numTokens),
      }),
      draw: fc.nat(),
      top: fc.constantFrom(0, 1, 20),
    })
    .map(({ seed, sure, allowed, adjustment, ...rest }) => {
      const random = seeded(seed);
      return {
        ...rest,
        logits: Float32Array.from({ length: numTokens }, () => random.below(129) / 4 - 16),
        mask: allowed && maskOf([...allowed, sure], numTokens),
        adjustment: { ...adjustment, bias: adjustment.bias.filter(([token]) => token !== sure) },
      };
    });
});

/** f32 sums shift the borders of spans by up to about 1e-5: wider ones are hit in their middle. */
function drawOf({ draw, options }: Choice, adjusted: Float64Array): { readonly id: number; readonly random: number } {
  const spans = spansOf(probabilities(adjusted, options)).filter(({ start, end }) => end - start > 4e-5);
  const { id, start, end } = spans[draw % spans.length]!;
  return { id, random: (start + end) / 2 };
}

/** The answer's ids are counted one by one, as runs are fed with them; then one more choice is made. */
async function choose(
  choice: Choice,
  random: number,
): Promise<{ id: number; adjusted: Float32Array; words: Uint32Array }> {
  const { logits, adjustment, prompt, answer, mask, options, top } = choice;
  const { numTokens, temperature, topK, topP, minP } = options;
  const shared = {
    logits: lab().buffer(logits),
    slices: lab().buffer(new Uint32Array(sliceBytes(numTokens) / 4)),
    candidates: lab().buffer(new Uint32Array(numTokens)),
    mask: lab().buffer(mask ?? new Uint32Array(1)),
    entries: lab().buffer(packEntries(numTokens, adjustment.bias, prompt)),
    adjusted: lab().buffer(new Float32Array(numTokens)),
    record: lab().buffer(new Uint32Array(1 + logprobWords(top))),
    recordAt: 1,
    numTokens,
  };
  const at = { position: 0, rows: 1, adjusts: true, logprobs: true };
  const state = lab().state(at, { temperature, top_k: topK, top_p: topP, min_p: minP, random });
  for (let count = 0; count <= answer.length; count++) {
    const ids = lab().buffer(Uint32Array.of(answer[count - 1] ?? 0));
    const asked = { penalties: adjustment, masks: mask !== undefined, countsInput: count > 0, topLogprobs: top };
    const request = { ...shared, state, ids, extras: lab().extras(asked) };
    await lab().run(at, (recorder) => {
      const { extras, logits, slices, candidates, mask, entries, adjusted, record, recordAt } = request;
      adjustLogits(recorder, { extras, logits, ids, mask, entries, adjusted, numTokens });
      sample(recorder, { state, logits: adjusted, slices, candidates, ids, record, numTokens });
      logprobs(recorder, { extras, logits, slices, record, recordAt, numTokens });
    });
  }
  const words = await lab().words(shared.record, 1 + logprobWords(top));
  return { id: words[0]!, adjusted: await lab().floats(shared.adjusted, numTokens), words: words.slice(1) };
}

it('any choice is the one that the oracles make, with their log-probabilities', async () => {
  const property = fc.asyncProperty(choices, async (choice) => {
    const { logits, adjustment, prompt, answer, mask, options, top } = choice;
    const expected = adjustReference(logits, adjustment, { prompt, answer }, mask);
    const { id, random } = drawOf(choice, expected);
    const found = await choose(choice, random);
    expect(found.adjusted).toEqual(Float32Array.from(expected, (logit) => Math.max(logit, Math.fround(-1e30))));
    expect(found.id).toBe(id);
    const { chosen, top: alternatives } = logprobsReference(logits, id, top);
    const floats = new Float32Array(found.words.buffer);
    const ranks = Array.from({ length: Math.min(top, options.numTokens) }, (_, rank) => 1 + 2 * rank);
    expect(ranks.map((rank) => found.words[rank])).toEqual(alternatives.map((one) => one.id));
    const logprobsFound = [floats[0]!, ...ranks.map((rank) => floats[rank + 1]!)];
    const wrong = [chosen, ...alternatives.map(({ logprob }) => logprob)].flatMap(
      (wanted, which) =>
        Math.abs(logprobsFound[which]! - wanted) < 1e-5 ? [] : [{ wanted, found: logprobsFound[which] }], // numbers up to 40 in f32
    );
    expect(wrong).toEqual([]);
  });
  await fc.assert(property, { numRuns: 120 });
});
