import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readSources, type Source } from './sources.ts';

const MAX_SOURCE_LINES = 500;
const MAX_TEST_LINES = 800;

function longerThan(limit: number, sources: readonly Source[]): string[] {
  const lines = (text: string) => text.split('\n').length - 1;
  return sources.filter(({ text }) => lines(text) > limit).map(({ path, text }) => `${path}: ${lines(text)} lines`);
}

it(`no source file is longer than ${MAX_SOURCE_LINES} lines, so that each can be read in one sitting`, () => {
  const sources = [...readSources('src', ['.ts', '.mjs', '.css', '.html']), ...readSources('shaders', ['.wgsl'])];
  expect(longerThan(MAX_SOURCE_LINES, sources)).toEqual([]);
});

it(`no test file is longer than ${MAX_TEST_LINES} lines`, () => {
  expect(longerThan(MAX_TEST_LINES, readSources('tests', ['.ts']))).toEqual([]);
});

it('the README names every room of src', () => {
  const rooms = new Set(readSources('src', ['.ts']).map(({ path }) => path.split('/').slice(0, 2).join('/')));
  const readme = readFileSync('README.md', 'utf8');
  expect([...rooms].filter((room) => !readme.includes(room))).toEqual([]);
});
