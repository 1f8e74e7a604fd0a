import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keysCost } from '../../src/kernels/attention-request.ts';

test('the operations of a run are those of its rows, one by one; its keys are read once', () => {
  const runs = fc.record({
    chunked: fc.boolean(),
    slots: fc.integer({ min: 1, max: 40 }),
    index: fc.nat(3),
    position: fc.nat(120),
    rows: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(runs, ({ chunked, slots, index, position, rows }) => {
      fc.pre(!chunked || (position % slots) + rows <= slots); // a run stays in its chunk
      const shape = { numHeads: 6, numKvHeads: 2, headDim: 8, chunked, kvDtype: 'f16' } as const;
      const first = chunked ? 0 : index * slots;
      const region = { first, slots, buffer: () => undefined as never };
      let [sum, most] = [0, 0];
      for (let at = position; at < position + rows; at++) {
        let keys = 0;
        for (let slot = 0; slot < slots; slot++)
          if ((chunked ? slot : first + slot) <= (chunked ? at % slots : at)) keys++;
        sum += keys;
        most = Math.max(most, keys);
      }
      expect(keysCost(shape, region, { position, rows })).toEqual({
        bytes: most * 2 * 2 * 8 * 2,
        flops: sum * 4 * 6 * 8,
      });
    }),
  );
});
