import { expect, test } from 'vitest';
import { allWays } from '../../src/cli/check-ways.ts';
import type { AdapterFacts } from '../../src/gpu/device.ts';
import { variantNames } from '../../src/kernels/variants.ts';

const base = { subgroupMinSize: 8, subgroupMaxSize: 8, subgroups: true } as AdapterFacts;

test.each([true, false])(
  'every lossless variant of an adapter is checked, with and without subgroups (software: %s)',
  (software) => {
    const facts = { ...base, software, f16: true };
    const ways = allWays(facts);
    for (const subgroups of [true, false]) {
      const adapter = { ...facts, subgroups };
      const own = ways.filter((way) => way.activations[0] === 'f32' && (way.subgroups !== false) === subgroups);
      for (const [family, names] of Object.entries(variantNames(adapter))) {
        const used = own.map(({ variants }) => variants?.[family as 'matvec'] ?? names[0]);
        expect(new Set(used)).toEqual(new Set(names));
      }
    }
    const labels = ways.map(({ label }) => label);
    expect(new Set(labels).size).toBe(labels.length);
  },
);

test('what is lossy is held to its own gate, where the adapter has it', () => {
  const lossy = (f16: boolean) =>
    allWays({ ...base, software: true, f16 }).filter(({ activations }) => activations.some((one) => one !== 'f32'));
  expect(new Set(lossy(true).flatMap(({ activations }) => activations))).toEqual(new Set(['f16', 'int8']));
  expect(new Set(lossy(false).flatMap(({ activations }) => activations))).toEqual(new Set(['int8']));
});
