/** Variants on a real device: named, chosen, remembered. What is remembered is neither measured nor checked again. */
import { afterEach, beforeAll, expect, test } from 'vitest';
import { type Gpu, openDevice } from '../../../src/gpu/device.ts';
import { variantNames } from '../../../src/kernels/variants.ts';
import { SourceReader } from '../../../src/loader/loader.ts';
import { type AllocateOptions, allocateModel } from '../../../src/model/model.ts';
import type { TuningMemory } from '../../../src/model/tuning/memory.ts';
import { type Counts, countingGpu, sourceOfTiny, tinyFiles } from '../tiny-model.ts';

let gpu: GPU;
let counts: Counts;
const devices: Gpu[] = [];

beforeAll(async () => {
  ({ gpu, counts } = await countingGpu());
});
afterEach(() => {
  for (const device of devices.splice(0)) device.destroy();
});

async function allocate({ memory, ...options }: AllocateOptions & { memory?: TuningMemory }) {
  const reader = new SourceReader(sourceOfTiny(tinyFiles()), undefined, undefined, {}, memory);
  const { config } = await reader.inspect();
  const device = await openDevice(gpu);
  devices.push(device);
  return allocateModel(device, reader, config, options);
}

const trials = () => counts.buffers.filter((label) => label === 'kernel trial').length;

test('what one load finds out, the next one takes over, kernels already checked; another model finds out for itself', async () => {
  const kept = new Map<string, unknown>();
  const memory = {
    get: async (key: string) => kept.get(key),
    set: async (key: string, value: unknown) => void kept.set(key, structuredClone(value)),
  };
  const first = (await allocate({ memory })).variants;
  const before = trials();
  expect(before).toBeGreaterThan(0);
  const second = (await allocate({ memory })).variants;
  expect(trials()).toBe(before);
  for (const family of ['matvec', 'matmul', 'attention'] as const) {
    const { name, why, seconds } = first[family];
    const several = variantNames(devices[0]!.facts)[family].length > 1;
    expect(['measured', 'budget over', 'only one']).toContain(why);
    expect(second[family]).toEqual({ name, seconds, why: several ? 'cached' : 'only one' });
  }
  await allocate({ memory, kvDtype: 'f16' });
  expect(trials()).toBeGreaterThan(before);
});

test('where nothing can be kept the best guess is taken, the same each time', async () => {
  const { variants, options } = await allocate({});
  const names = variantNames(devices[0]!.facts);
  expect(variants.matvec.name).toBe(names.matvec[0]);
  expect(options.attention.name).toBe(names.attention[0]);
  expect(['best guess', 'only one']).toContain(variants.matvec.why);
});

test('a variant that is asked for is taken, and one that does not exist is refused with those that do', async () => {
  const { facts } = await openDevice(gpu);
  const { matvec, attention } = variantNames(facts);
  const { variants, options } = await allocate({ variants: { matvec: matvec.at(-1)! } });
  expect(variants.matvec).toEqual({ name: matvec.at(-1), why: 'asked for', seconds: {} });
  expect(options.matvec.name).toBe(matvec.at(-1));
  await expect(allocate({ variants: { attention: 'magic' } })).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining(`"${attention[0]}"`),
    details: { field: 'variants.attention', value: 'magic', allowed: attention },
  });
});

test('a caller who has stopped waiting ends the measuring', async () => {
  const memory = { get: async () => undefined, set: async () => {} };
  const several = Object.values(variantNames((await openDevice(gpu)).facts)).some((names) => names.length > 1);
  if (!several) return;
  await expect(allocate({ memory, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
});
