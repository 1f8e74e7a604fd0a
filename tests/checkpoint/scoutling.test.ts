import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { EVERY_FORMAT } from '../../src/checkpoint/formats/every.ts';
import { openCheckpoint } from '../../src/checkpoint/open.ts';
import { parseQuantization } from '../../src/checkpoint/quantization.ts';
import { assignRoles } from '../../src/checkpoint/roles.ts';
import { parseConfig } from '../../src/model/config.ts';
import { openSource } from '../../src/storage/open.ts';

/** What the compressed-tensors library makes of the same bf16 weights. */
const expected = JSON.parse(readFileSync(new URL('../fixtures/scoutling/expected-int4.json', import.meta.url), 'utf8'));
const folder = fileURLToPath(new URL('../../public/models/llama-scoutling', import.meta.url));

test('every tensor of the bundled model has the hash of the one that the compressed-tensors library writes', async () => {
  const { tensors, source, configJson } = await openCheckpoint(await openSource(folder));
  const hashes: Record<string, string> = {};
  for (const { name, file, start, end } of tensors.values()) {
    hashes[name] = createHash('sha256')
      .update(await source.read(file, start, end))
      .digest('hex');
  }
  expect(hashes).toEqual(expected.sha256);
  expect((configJson as { quantization_config: unknown }).quantization_config).toEqual(expected.quantization_config);
});

test('the bundled model has every role, int4 in groups of 64 where its recipe says so', async () => {
  const { tensors, configJson } = await openCheckpoint(await openSource(folder));
  const { config, notices } = parseConfig(configJson);
  const { layers, lmHead } = assignRoles(config, tensors, parseQuantization(configJson), EVERY_FORMAT);
  expect(notices).toEqual([]);
  expect(lmHead.kind).toBe('float');
  for (const { qProj, feedForward } of layers) {
    expect(qProj.kind).toBe('float');
    if (feedForward.kind !== 'moe') throw new Error('not a mixture');
    expect(feedForward.experts).toHaveLength(16);
    expect(feedForward.sharedExpert.gateProj).toMatchObject({ kind: 'int4', groupSize: 64, rows: 384, cols: 256 });
  }
});
