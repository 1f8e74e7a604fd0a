/**
 * A kernel without its loads, and without its arithmetic: where it falls short of the roofline, these two times say what
 * holds it back. Both are made from the kernel's own text, so that what is left of it is what the engine runs.
 */
import type { Kernel } from '../../../../gpu/kernel.ts';

export const PARTS = ['loads', 'arithmetic'] as const;
export type Part = (typeof PARTS)[number];

/** The function that multiplies words of int4 weights by x, and another that takes them in and hardly computes. */
const MULTIPLIERS = [
  {
    // shaders/shared/rows-int4.wgsl; x stays loaded, since it is summed up as well
    function: /fn dot32\(words: vec4<u32>, x: Block\) -> f32 \{[^}]*\}/,
    taker: `fn dot32(words: vec4<u32>, x: Block) -> f32 {
  return f32(i32((words.x ^ words.y ^ words.z ^ words.w) & 0xffff));
}`,
  },
  {
    // shaders/shared/tokens-int4.wgsl; likewise
    function: /fn dot8\(word: u32, x: Octets\) -> vec4<f32> \{[^}]*\}/,
    taker: 'fn dot8(word: u32, x: Octets) -> vec4<f32> { return vec4(f32(i32(word & 0xffff))); }',
  },
];

const STORAGE = /var<storage, read> (\w+): array<(vec4<u32>|vec4<f32>)>/g;

/** Operands that differ from place to place, so that none is computed only once. */
const MADE_UP = `
fn made_up_words(at: u32) -> vec4<u32> { return vec4(at * 0x9e3779b1u) ^ vec4(0u, 0x1111u, 0x2222u, 0x3333u); }
fn made_up_floats(at: u32) -> vec4<f32> { return vec4(f32(i32(at & 0xff))); }
`;

/**
 * What is left of a kernel when all but one part is taken away; it has the same bindings, params and overrides, and its
 * results mean nothing. undefined: a kernel whose parts are not known.
 */
export function leaveOnly(part: Part, kernel: Kernel): Kernel | undefined {
  const multiplier = MULTIPLIERS.find((one) => one.function.test(kernel.source));
  if (!multiplier) return undefined;
  const { source } = kernel;
  const left = part === 'loads' ? source.replace(multiplier.function, multiplier.taker) : withoutLoads(source);
  return { ...kernel, name: `${kernel.name}, ${part} only`, source: left };
}

function withoutLoads(source: string): string {
  let left = source + MADE_UP;
  for (const [, name, type] of source.matchAll(STORAGE)) {
    const load = new RegExp(`(?<![.\\w])${name}\\[([^[\\]]+)\\]`, 'g');
    left = left.replace(load, `${type === 'vec4<u32>' ? 'made_up_words' : 'made_up_floats'}($1)`);
  }
  return left;
}
