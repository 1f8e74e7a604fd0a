import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { allKernels } from '../../src/kernels/index.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const stems = readdirSync(`${root}shaders`)
  .filter((file) => file.endsWith('.wgsl'))
  .map((file) => file.slice(0, -'.wgsl'.length));

/** A variant with an algorithm or a codec of its own shares its base's oracle, cases and test. */
const baseOf = (stem: string) => stem.replace(/-subgroup$/, '').replace(/-packed-\w+$/, '-packed');

describe('a kernel is four files with one stem', () => {
  it.each(stems)('%s has a binding, an oracle with cases, and a test', async (stem) => {
    const files = [
      `src/kernels/${baseOf(stem)}.ts`,
      `src/reference/${baseOf(stem)}.ts`,
      `tests/kernels/${baseOf(stem)}.test.ts`,
    ];
    expect(files.filter((file) => !existsSync(root + file))).toEqual([]);
    const { cases } = await import(`../../src/reference/${baseOf(stem)}.ts`);
    expect(cases.length).toBeGreaterThan(0);
    const names = cases.map(({ name }: { name: string }) => name);
    expect(new Set(names).size).toBe(names.length); // names seed the data
  });

  it('and every shader is in the list of kernels, and the other way round', () => {
    const listed = new Set(allKernels.map(({ name }) => baseOf(name)));
    expect([...listed].sort()).toEqual([...new Set(stems.map(baseOf))].sort());
  });
});
