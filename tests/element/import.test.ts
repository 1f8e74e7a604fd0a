import { expect, it } from 'vitest';
import { readSources } from '../structure/sources.ts';

it('touches no global when a server imports it, and says what it needs when it is created', async () => {
  const before = Object.getOwnPropertyNames(globalThis);
  const { OutriderChat } = await import('../../src/element/node.ts');
  expect(Object.getOwnPropertyNames(globalThis)).toEqual(before);
  expect(() => new OutriderChat()).toThrow('<outrider-chat> needs a document');
});

it('comes without the engine, which is fetched by its first use', () => {
  const sources = readSources('src/element', ['.ts']);
  const statically = /^import (?!type )[^;]*from '\.\.\/index\.ts'/m;
  expect(sources.filter(({ text }) => statically.test(text)).map(({ path }) => path)).toEqual([]);
});

it('has no markup that a policy without inline styles would refuse', () => {
  const sources = readSources('src/element', ['.ts']);
  const inline = /\bstyle=|styleMap|innerHTML|unsafeHTML|cssText|\bon\w+="/;
  expect(sources.filter(({ text }) => inline.test(text)).map(({ path }) => path)).toEqual([]);
});
