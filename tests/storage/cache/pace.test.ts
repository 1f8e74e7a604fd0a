/** One thing: work goes on side by side, or one at a time while something is behind, and never stops. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pace } from '../../../src/storage/cache/pace.ts';

test('work begins in order, one at a time while something is behind, and goes on whatever fails', async () => {
  const item = fc.record({ turns: fc.nat(5), fails: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(item, { maxLength: 30 }), fc.boolean(), async (items, isBehind) => {
      const begun: number[] = [];
      let [underWay, most] = [0, 0];
      const pace = new Pace(() => isBehind);
      const work = ({ turns, fails }: (typeof items)[number], i: number) =>
        pace.run(async () => {
          begun.push(i);
          most = Math.max(most, ++underWay);
          await undefined; // all that may begin has begun
          for (let turn = 0; turn < turns; turn++) await undefined;
          underWay--;
          if (fails) throw i;
          return i;
        });
      const results = await Promise.allSettled(items.map(work));
      expect(begun).toEqual([...items.keys()]);
      expect(most).toBe(isBehind ? Math.min(1, items.length) : items.length);
      const expected = items.map(({ fails }, i) =>
        fails ? { status: 'rejected', reason: i } : { status: 'fulfilled', value: i },
      );
      expect(results).toEqual(expected);
    }),
  );
});
