/** Choosing kernels from the other side of a port: the bench answers there, and errors keep their codes. */
import { expect, test } from 'vitest';
import { OutriderError } from '../../src/errors.ts';
import type { AdapterFacts } from '../../src/gpu/device.ts';
import { readerOver } from '../../src/loader/port.ts';
import { serveReader } from '../../src/loader/serve.ts';
import type { ModelReader } from '../../src/model/reader.ts';
import type { AttentionWork, TrialBench } from '../../src/model/tuning/bench.ts';
import type { TuningRequest, VariantTable } from '../../src/model/tuning/tuning.ts';

const request: TuningRequest = {
  facts: {} as AdapterFacts,
  kernels: 7,
  names: { matvec: ['a'], matmul: ['b'], attention: ['c'] },
  asked: {},
  activations: 'f32',
};
const work = { kind: 'attention', kv: new Uint32Array([1, 2, 3]) } as AttentionWork;

function benchOf(changes: Partial<TrialBench> = {}): TrialBench {
  return {
    add: async (added) => (added as AttentionWork).kv[2]!,
    prepare: async (trial, { matvec }) => `${matvec} ${trial}`,
    run: async (trial, repeats) => trial / repeats,
    read: async (trial) => new Float32Array([trial]),
    clear: async () => {},
    ...changes,
  };
}

/** A reader that does what `tune` says, through a port. */
function remote(tune: ModelReader['tune']): ModelReader {
  const { port1, port2 } = new MessageChannel();
  serveReader(port1, { tune, close: async () => {} } as unknown as ModelReader);
  return readerOver(port2, 'a model');
}

test('a bench is used from the other side of a port', async () => {
  const reader = remote(async ({ kernels, names }, bench) => {
    const trial = await bench.add(work);
    const name = await bench.prepare(trial, { matvec: names.matvec[0] });
    const seconds = { [name]: await bench.run(trial, kernels), y: (await bench.read(trial))[0]! };
    await bench.clear();
    return { matvec: { name, why: 'measured', seconds } } as unknown as VariantTable;
  });
  const table = await reader.tune(request, benchOf());
  expect(table.matvec).toEqual({ name: 'a 3', why: 'measured', seconds: { 'a 3': 3 / 7, y: 3 } });
  await reader.close();
});

test('what a bench throws, and what is thrown about it, arrives with its code', async () => {
  const lost = new OutriderError('device_lost', 'The GPU device was lost.');
  const reader = remote(async (_request, bench) => {
    const error = await bench.run(0, 1).catch((reason) => reason);
    throw new OutriderError('gpu_incorrect', `after ${error.code}`);
  });
  const bench = benchOf({ run: () => Promise.reject(lost) });
  await expect(reader.tune(request, bench)).rejects.toMatchObject({
    code: 'gpu_incorrect',
    message: 'after device_lost',
  });
  await reader.close();
});

test('a caller who stops waiting is answered at once', async () => {
  const reader = remote(() => new Promise(() => {}));
  const controller = new AbortController();
  const tuning = reader.tune(request, benchOf(), { signal: controller.signal });
  controller.abort();
  await expect(tuning).rejects.toMatchObject({ code: 'aborted' });
  await reader.close();
});
