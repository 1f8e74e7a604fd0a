/** Keys and values in f16 at the size of a model: what it may cost, and that it is what it costs. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { checkTensors, greedyIds } from '../../src/cli/check-tensors.ts';
import { type ExpectedTensors, readExpected } from '../../src/cli/expected.ts';
import { openDevice } from '../../src/gpu/device.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';
import type { KvDtype } from '../../src/kernels/attention.ts';
import { SourceReader } from '../../src/loader/loader.ts';
import { GpuRunner } from '../../src/model/gpu-runner.ts';
import { loadWeights, type Model } from '../../src/model/model.ts';
import { Probe } from '../../src/model/probe.ts';
import { openSource } from '../../src/storage/open.ts';

const folder = fileURLToPath(new URL('../../../shared/goldens/scout-random', import.meta.url));

/** The golden's model, without shader-f16: f16 keys must not need it. */
async function load(): Promise<Model> {
  const reader = new SourceReader(await openSource(folder));
  const { config } = await reader.inspect();
  const device = await openDevice((await openNodeGpu()).gpu, { f16: false });
  return loadWeights(device, reader, config);
}

test.skipIf(!existsSync(folder))(
  'with f16 keys and values scout-random stays within the error of bf16, keeps every greedy id, and takes half the room (needs ../shared/goldens)',
  async () => {
    const expected = (await readExpected(folder)) as ExpectedTensors;
    const model = await load();
    try {
      const create = (kvDtype: KvDtype) => GpuRunner.create(model, { contextLength: expected.longest, kvDtype });
      const runner = await create('f16');
      const probe = await Probe.create(model, expected.longest, 256, 'f16');
      const { ok, text } = await checkTensors(runner, probe, expected, 'f16');
      console.log(`f16 keys and values: ${text}`);
      expect(ok, text).toBe(true);
      const lossless = await create('f32');
      const continued = expected.prompts.filter((prompt) => expected.get(`${prompt}.greedy`));
      expect(continued.length).toBeGreaterThan(0);
      for (const prompt of continued) {
        const [ids, greedy] = [expected.get(`${prompt}.ids`)!, expected.get(`${prompt}.greedy`)!];
        expect(await greedyIds(runner, ids, greedy.length), prompt).toEqual([...greedy]);
        await greedyIds(lossless, ids, greedy.length);
      }
      expect(runner.bytes.kv * 2).toBe(lossless.bytes.kv);
    } finally {
      model.gpu.destroy();
    }
  },
);
