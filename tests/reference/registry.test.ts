import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { allKernels } from '../../src/kernels/index.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const stems = readdirSync(`${root}shaders`)
  .filter((file) => file.endsWith('.wgsl'))
  .map((file) => file.slice(0, -'.wgsl'.length));

const PRODUCTS = ['float', 'int4', 'packed'];
/** Several algorithms for one thing share its binding, its oracles with their cases, and their tests. */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  matvec: PRODUCTS.map((codec) => `matvec-${codec}`),
  matmul: PRODUCTS.map((codec) => `matmul-${codec}`),
  attention: ['attention'],
  sample: ['sample'],
};
const MEMBER = /^(matvec|matmul)-(?:rows|lanes|tiles)|^(attention)-(?:split|tile)|^(sample)-slices/;

/** The name under which a kernel's other files stand. */
function familyOf(name: string): string {
  const [, ...found] = MEMBER.exec(name) ?? [];
  return found.find(Boolean) ?? name.replace(/-packed-\w+$/, '-packed');
}

describe('a kernel is four files with one stem, or of one family', () => {
  it.each(stems)('%s has a binding, an oracle with cases, and a test', async (stem) => {
    const family = familyOf(stem);
    expect(existsSync(`${root}src/kernels/${family}.ts`)).toBe(true);
    for (const oracle of FAMILIES[family] ?? [family]) {
      expect(existsSync(`${root}tests/kernels/${oracle}.test.ts`)).toBe(true);
      const { cases } = await import(`../../src/reference/${oracle}.ts`);
      expect(cases.length).toBeGreaterThan(0);
      const names = cases.map(({ name }: { name: string }) => name);
      expect(new Set(names).size).toBe(names.length); // names seed the data
    }
  });

  it('and every shader is in the list of kernels, and the other way round', () => {
    /** A kernel's name goes on behind its shader's: what codec it has. */
    const shaderOf = (name: string) =>
      stems.filter((stem) => name.startsWith(stem)).sort((a, b) => b.length - a.length)[0] ??
      name.replace(/-packed-\w+$/, '-packed');
    const listed = new Set(allKernels.map(({ name }) => shaderOf(name)));
    expect([...listed].sort()).toEqual([...stems].sort());
  });
});
