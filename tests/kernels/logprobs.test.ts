import { describe, expect, it } from 'vitest';
import { logprobs } from '../../src/kernels/logprobs.ts';
import { logprobWords, sliceBytes } from '../../src/kernels/sampling.ts';
import { cases, logprobsData, logprobs as logprobsReference } from '../../src/reference/logprobs.ts';
import { useLab } from './harness.ts';

const RECORD_AT = 3;

describe('logprobs finds the log-probabilities that its oracle finds, in its order', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const { numTokens, top } = testCase;
    const { logits, chosen } = logprobsData(testCase);
    const words = RECORD_AT + logprobWords(top);
    const request = {
      extras: lab().extras({ topLogprobs: top }),
      logits: lab().buffer(logits),
      slices: lab().buffer(new Uint32Array(sliceBytes(numTokens) / 4)),
      record: lab().buffer(Uint32Array.from({ length: words }, (_, at) => (at === 0 ? chosen : 0))),
      recordAt: RECORD_AT,
      numTokens,
    };
    await lab().run({ position: 0, rows: 1, logprobs: true }, (recorder) => logprobs(recorder, request));
    const record = await lab().words(request.record, words);
    const floats = new Float32Array(record.buffer);
    const expected = logprobsReference(logits.subarray(0, numTokens), chosen, top);
    const ids = Array.from({ length: top }, (_, rank) => record[RECORD_AT + 1 + 2 * rank]!);
    const none = Array.from({ length: Math.max(0, top - numTokens) }, () => 0xffff_ffff);
    expect(ids).toEqual([...expected.top.map(({ id }) => id), ...none]);
    // f32 differences of logits, plus the errors that WGSL allows exp (of terms that count) and log.
    const largest = logits.subarray(0, numTokens).reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
    const bound = 4e-6 + 2 ** -22 * largest;
    const found = [floats[RECORD_AT]!, ...expected.top.map((_, rank) => floats[RECORD_AT + 2 + 2 * rank]!)];
    const wanted = [expected.chosen, ...expected.top.map(({ logprob }) => logprob)];
    expect(found.filter((value, at) => !(Math.abs(value - wanted[at]!) < bound))).toEqual([]);
  });
});
