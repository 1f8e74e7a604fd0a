import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compactWgsl } from '../../src/build/wgsl.ts';

const folders = ['shaders', 'shaders/shared'];
const files = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.wgsl'))
    .map((name) => `${folder}/${name}`),
);

/** WGSL's tokens, longest first; comments must be gone. */
function tokens(code: string): string[] {
  return (
    code.match(
      /0[xX][\da-fA-F]+u?|[A-Za-z_]\w*|[\d.]+(?:e[+-]?\d+)?[a-z]?|<<=|>>=|[-+*/%&|^=!<>]=|->|&&|\|\||<<|>>|\+\+|--|\S/g,
    ) ?? []
  );
}

describe('compactWgsl', () => {
  it.each(files)('keeps every token of %s', (file) => {
    const source = readFileSync(file, 'utf8');
    const compact = compactWgsl(source);
    expect(tokens(compact)).toEqual(tokens(source.replace(/\/\/.*/g, '')));
    expect(compact.length).toBeLessThan(source.length);
  });

  it('drops nested block comments, comment marks inside comments, and an unfinished tail', () => {
    expect(compactWgsl('a /* b /* c */ // d */ e // f /* g\nh /* i // */ j')).toBe('a e h j');
  });

  it('does not join operators into others', () => {
    expect(compactWgsl('let x = a - -b;\n  y = & z; // end')).toBe('let x=a- -b;y= &z;');
  });
});
