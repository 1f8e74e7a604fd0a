import { describe, expect, it } from 'vitest';
import { sample } from '../../src/kernels/sample.ts';
import { sliceBytes } from '../../src/kernels/sampling.ts';
import { cases, type Span, sampleData } from '../../src/reference/sample.ts';
import { useLab } from './harness.ts';

describe('sample chooses the id that its oracle chooses', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const { logits, options, spans } = sampleData(testCase);
    const at = { position: 0, rows: 1 };
    const filters = { temperature: options.temperature, top_k: options.topK, top_p: options.topP, min_p: options.minP };
    const logitsBuffer = lab().buffer(logits);
    const scratch = {
      slices: lab().buffer(new Uint32Array(sliceBytes(options.numTokens) / 4)),
      candidates: lab().buffer(new Uint32Array(options.numTokens)),
    };
    for (const { id, random } of draws(spans)) {
      const [ids, record] = [lab().buffer(new Uint32Array(1)), lab().buffer(new Uint32Array(1))];
      const state = lab().state(at, { ...filters, random });
      const request = { state, logits: logitsBuffer, ...scratch, ids, record, numTokens: options.numTokens };
      await lab().run(at, (recorder) => sample(recorder, request));
      expect((await lab().words(ids, 1))[0], `random ${random}`).toBe(id);
      expect((await lab().words(record, 1))[0]).toBe(id);
    }
  });
});

/**
 * Up to a dozen numbers, each in the middle of an id's span. f32 sums over 200,000 ids shift the borders of spans by up
 * to about 1e-5, so ids with narrower spans are left out.
 */
function draws(spans: readonly Span[]): { id: number; random: number }[] {
  const wide = spans.filter(({ start, end }) => end - start > 4e-5);
  const step = Math.max(1, Math.floor(wide.length / 11));
  const few = wide.filter((_, at) => at % step === 0 || at === wide.length - 1);
  return few.map(({ id, start, end }) => ({ id, random: (start + end) / 2 }));
}
