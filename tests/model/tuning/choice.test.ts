/** The rule of the choice, without a GPU: families with made-up candidates and made-up measurements. */
import { afterEach, expect, test, vi } from 'vitest';
import type { Gpu } from '../../../src/gpu/device.ts';
import type { PipelineCache } from '../../../src/gpu/kernel.ts';
import type { measureFamily } from '../../../src/model/tuning/measure.ts';
import { startBudget, type TuningRequest, tuneKernels } from '../../../src/model/tuning/tuning.ts';

const measured = vi.hoisted(() => ({ matvec: [] as (number[] | undefined)[], calls: 0 }));
vi.mock('../../../src/kernels/matvec-variants.ts', () => ({
  matvecVariants: () => [{ name: 'guess' }, { name: 'other' }],
}));
vi.mock('../../../src/kernels/matmul-variants.ts', () => ({ matmulVariants: () => [{ name: 'alone' }] }));
vi.mock('../../../src/kernels/attention-variants.ts', () => ({ attentionVariants: () => [{ name: 'alone' }] }));
vi.mock('../../../src/model/tuning/self-check.ts', () => ({ selfCheck: async () => {} }));
vi.mock('../../../src/model/tuning/measure.ts', async (original) => ({
  ...(await original<typeof import('../../../src/model/tuning/measure.ts')>()),
  measureFamily: (async () => {
    measured.calls++;
    return measured.matvec.shift();
  }) satisfies typeof measureFamily,
}));

const request = (changes: Partial<TuningRequest> = {}): TuningRequest => ({
  gpu: { facts: { subgroupMinSize: 0 } } as Gpu,
  pipelines: {} as PipelineCache,
  subject: { token: [], block: [], attention: [] },
  activations: 'f32',
  memory: { get: async () => undefined, set: async () => {} },
  ...changes,
});

async function chosen(seconds: number[] | undefined, changes: Partial<TuningRequest> = {}) {
  measured.matvec = [seconds];
  const { table, options } = await tuneKernels(request(changes));
  expect(options.matvec.name).toBe(table.matvec.name);
  expect(table.matmul).toEqual({ name: 'alone', why: 'only one', seconds: {} });
  return table.matvec;
}

afterEach(() => {
  vi.useRealTimers();
});

test('the faster candidate is taken, but not for what is within the noise', async () => {
  const seconds = (guess: number, other: number) => ({ guess, other });
  expect(await chosen([2, 1])).toEqual({ name: 'other', why: 'measured', seconds: seconds(2, 1) });
  expect(await chosen([1, 2])).toEqual({ name: 'guess', why: 'measured', seconds: seconds(1, 2) });
  expect(await chosen([1.03, 1])).toEqual({ name: 'guess', why: 'measured', seconds: seconds(1.03, 1) });
});

test('the guess stays where the time was over', async () => {
  expect(await chosen(undefined)).toEqual({ name: 'guess', why: 'budget over', seconds: {} });
});

test('nothing is measured where one is asked for, or where the result could not be kept', async () => {
  measured.calls = 0;
  expect(await chosen([2, 1], { variants: { matvec: 'guess' } })).toMatchObject({ why: 'asked for', name: 'guess' });
  expect(await chosen([2, 1], { memory: undefined })).toMatchObject({ why: 'best guess', name: 'guess' });
  expect(measured.calls).toBe(0);
});

test('work settles until its time is over, then gives nothing; an abort ends it at any time', async () => {
  vi.useFakeTimers();
  const controller = new AbortController();
  const { within } = startBudget(2000, controller.signal);
  const later = (ms: number) => new Promise<string>((resolve) => setTimeout(resolve, ms, 'done'));
  const early = within(later(1000));
  const late = within(later(3000));
  await vi.advanceTimersByTimeAsync(2000);
  expect([await early, await late]).toEqual(['done', undefined]);
  const running = startBudget(2000, controller.signal).within(later(1000));
  controller.abort();
  await expect(running).rejects.toMatchObject({ code: 'aborted' });
});
