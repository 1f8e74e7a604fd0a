import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { abbreviateWgsl, compactWgsl, shortenFolder } from '../../src/build/wgsl.ts';
import { nameShaders, shortenNames } from '../../src/build/wgsl-names.ts';

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

describe('abbreviateWgsl', () => {
  it('writes types by their short names, and numbers as the same f32', () => {
    const code = 'array<vec4<f32>,2>(mat2x4<f32>(),vec3<u32>(1),vec4<Elem>(),0.07958029955625534,0.5)';
    const short = abbreviateWgsl(code);
    expect(short).toBe('array<vec4f,2>(mat2x4f(),vec3u(1),vec4<Elem>(),0.0795803,0.5)');
    expect(Math.fround(0.0795803)).toBe(Math.fround(0.07958029955625534));
  });
});

describe('short names', () => {
  const sources = files.map((file) => compactWgsl(readFileSync(file, 'utf8')));
  const names = nameShaders(sources);

  it('are another one for each name of the modules, and none that stays', () => {
    const short = [...names.short.values()];
    expect(new Set(short).size).toBe(short.length);
    expect(short.filter((name) => names.stay.has(name))).toEqual([]);
    expect(nameShaders(sources)).toEqual(names);
    expect([...shortenFolder('shaders').keys()]).toEqual(expect.arrayContaining(files));
  });

  it.each(files)('take no other name that a function of %s uses, and change nothing but names', (file) => {
    const source = compactWgsl(readFileSync(file, 'utf8'));
    const [before, after] = [functions(source), functions(shortenNames(source, names))];
    expect(after.length).toBe(before.length);
    for (const [index, words] of before.entries()) {
      const pairs = new Set(words.map((word, at) => `${word} ${after[index]![at]}`));
      expect(after[index]!.length).toBe(words.length);
      expect(pairs.size, words.join('')).toBe(new Set(words).size);
      expect(pairs.size, words.join('')).toBe(new Set(after[index]).size);
    }
  });

  it('leave fields, members and what TypeScript names as they are', () => {
    const source =
      'override SIZE:u32=4;struct Params{rows:u32,}@group(0)@binding(0)var<uniform>params:Params;var<workgroup>sums:array<f32,SIZE>;fn half(rows:u32)->u32{let at=rows;return at/params.rows;}@compute@workgroup_size(SIZE)fn main(@builtin(workgroup_id)wid:vec3u){sums[wid.x]=f32(half(3u));}';
    const whole = shortenNames(source, nameShaders([source]));
    expect(whole).toBe(
      'override SIZE:u32=4;struct Params{rows:u32,}@group(0)@binding(0)var<uniform>params:Params;var<workgroup>B:array<f32,SIZE>;fn A(a:u32)->u32{let b=a;return b/params.rows;}@compute@workgroup_size(SIZE)fn main(@builtin(workgroup_id)a:vec3u){B[a.x]=f32(A(3u));}',
    );
  });
});

/** The tokens of each function and what stands behind it up to the next; members with their dot. */
function functions(code: string): string[][] {
  const parts = code.split(/(?=\bfn |\bstruct )/).filter((part) => part.startsWith('fn '));
  return parts.map((part) => part.match(/\.?[A-Za-z_]\w*|[\d.]+\w*|\S/g)!);
}
