/** The rule of the choice, without a GPU: families with made-up candidates and made-up measurements. */
import { afterEach, expect, test, vi } from 'vitest';
import type { AdapterFacts } from '../../../src/gpu/device.ts';
import type { TrialBench } from '../../../src/model/tuning/bench.ts';
import type { measureFamily } from '../../../src/model/tuning/measure.ts';
import type { TuningMemory } from '../../../src/model/tuning/memory.ts';
import { startBudget, type TuningRequest, tuneKernels } from '../../../src/model/tuning/tuning.ts';

const measured = vi.hoisted(() => ({ matvec: [] as (number[] | undefined)[], calls: 0 }));
vi.mock('../../../src/model/tuning/self-check.ts', () => ({ selfCheck: async () => {} }));
vi.mock('../../../src/model/tuning/measure.ts', async (original) => ({
  ...(await original<typeof import('../../../src/model/tuning/measure.ts')>()),
  measureFamily: (async () => {
    measured.calls++;
    return measured.matvec.shift();
  }) satisfies typeof measureFamily,
}));

const request: TuningRequest = {
  facts: {} as AdapterFacts,
  kernels: 1,
  names: { matvec: ['guess', 'other'], matmul: ['alone'], attention: ['alone'] },
  asked: {},
  activations: 'f32',
};
const forgetful: TuningMemory = { get: async () => undefined, set: async () => {} };

async function chosen(
  seconds: number[] | undefined,
  changes: Partial<TuningRequest> = {},
  memory: TuningMemory | null = forgetful,
) {
  measured.matvec = [seconds];
  const subject = { token: [], block: [], attention: [] };
  const table = await tuneKernels({ ...request, ...changes }, subject, {} as TrialBench, {
    memory: memory ?? undefined,
  });
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
  expect(await chosen([2, 1], { asked: { matvec: 'guess' } })).toMatchObject({ why: 'asked for', name: 'guess' });
  expect(await chosen([2, 1], {}, null)).toMatchObject({ why: 'best guess', name: 'guess' });
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
