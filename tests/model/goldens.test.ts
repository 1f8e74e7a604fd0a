/** The GPU against Hugging Face Transformers: every stored logit, hidden state, route and greedy id. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { type CheckOptions, checkFolder } from '../../src/cli/check.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';

const shared = fileURLToPath(new URL('../../../shared', import.meta.url));
const here = existsSync(`${shared}/goldens`);

let gpu: GPU;
beforeAll(async () => {
  ({ gpu } = await openNodeGpu());
});

async function expectOk(folder: string, options: CheckOptions = {}): Promise<void> {
  const { ok, text } = await checkFolder(gpu, folder, options);
  console.log(`${folder.split('/').at(-1)}: ${text}`);
  expect(ok, text).toBe(true);
}

for (const name of ['scout-random', 'maverick-random', 'scout-random-w4a16', 'scout-random-w4a16-asym-g64']) {
  test.skipIf(!here)(`${name} (needs ../shared/goldens)`, () => expectOk(`${shared}/goldens/${name}`));
}

test.skipIf(!here)('scout-random-w4a16-asym-g64 without f16 and subgroups (needs ../shared/goldens)', () =>
  expectOk(`${shared}/goldens/scout-random-w4a16-asym-g64`, { f16: false, subgroups: false }),
);

test.skipIf(!here)('llama-scoutling in bf16 (needs ../shared/models)', () =>
  expectOk(`${shared}/models/llama-scoutling`),
);

test('the embedded llama-scoutling in int4, by the ids that Transformers gives for the weights of the compressed-tensors library', () =>
  expectOk(fileURLToPath(new URL('../../public/models/llama-scoutling', import.meta.url)), {
    expected: fileURLToPath(new URL('../fixtures/scoutling/expected-int4.json', import.meta.url)),
  }));
