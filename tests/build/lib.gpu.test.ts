/** What is built computes what its source computes: shaders with short names, the loader's half apart. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { ensureBuilt } from '../../src/build/fresh.mjs';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { createEngine } from '../../src/index.ts';

const fileAt = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

beforeAll(() => ensureBuilt('lib'), 600_000);

async function answer(create: typeof createEngine): Promise<string | null | undefined> {
  const { gpu } = await openNodeGpu();
  const engine = await create(fileAt('public/models/llama-scoutling'), { gpu, worker: false, contextLength: 256 });
  const messages = [{ role: 'user' as const, content: 'Tell me a story about a dragon' }];
  // Every sampling kernel: penalties and log-probabilities are computed by shaders of their own.
  const sampling = { temperature: 0, max_tokens: 12, frequency_penalty: 0.5, logprobs: true };
  const { choices } = await engine.chat.completions.create({ messages, ...sampling });
  expect(choices[0]?.logprobs?.content?.length).toBeGreaterThan(0);
  await engine.unload();
  return choices[0]?.message.content;
}

test('the built library answers as its source does', async () => {
  const built = (await import(/* @vite-ignore */ pathToFileURL(fileAt('dist/lib/outrider.js')).href)).createEngine;
  const expected = await answer(createEngine);
  expect(expected).toMatch(/\w+ \w+/);
  expect(await answer(built)).toBe(expected);
});
