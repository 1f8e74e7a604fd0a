import { describe, expect, it } from 'vitest';
import { adjustLogits, packEntries } from '../../src/kernels/adjust-logits.ts';
import {
  adjustData,
  adjustLogits as adjustReference,
  cases,
  NO_ADJUSTMENT,
} from '../../src/reference/adjust-logits.ts';
import { useLab } from './harness.ts';

/** A division may be off by 2.5 units in the last place, three additions by half a unit each. */
const BOUND = 4 * 2 ** -23;
/** As the shader writes it. */
const FORBIDDEN = Math.fround(-1e30);

describe('adjust-logits equals its oracle after each id of an answer', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const { numTokens } = testCase;
    const { logits, seen, adjustment, mask } = adjustData(testCase);
    const own = {
      logits: lab().buffer(logits),
      mask: lab().buffer(mask ?? new Uint32Array(1)),
      entries: lab().buffer(packEntries(numTokens, adjustment?.bias ?? [], seen.prompt)),
      adjusted: lab().buffer(new Float32Array(numTokens)),
      numTokens,
    };
    const at = { position: 0, rows: 1, adjusts: true };
    const biases = new Map(adjustment?.bias);
    for (let count = 0; count <= seen.answer.length; count++) {
      const countsInput = count > 0;
      const ids = lab().buffer(Uint32Array.of(countsInput ? seen.answer[count - 1]! : seen.prompt[0]!));
      const extras = lab().extras({ penalties: adjustment, masks: mask !== undefined, countsInput });
      await lab().run(at, (recorder) => adjustLogits(recorder, { ...own, ids, extras }));
      const answer = seen.answer.slice(0, count);
      const expected = adjustReference(logits, adjustment ?? NO_ADJUSTMENT, { ...seen, answer }, mask);
      const wrong = [...(await lab().floats(own.adjusted, numTokens))].flatMap((found, id) => {
        const value = expected[id]!;
        const terms = 2 * Math.abs(logits[id]!) + Math.abs(biases.get(id) ?? 0) + 10; // 10: penalties
        const right =
          value === Number.NEGATIVE_INFINITY ? found === FORBIDDEN : Math.abs(found - value) < BOUND * terms;
        return right ? [] : [{ id, found, value }];
      });
      expect(wrong).toEqual([]);
    }
  });
});
