/** The bench end to end on this machine's adapter, as quick as it gets; figures are looked at, times are not. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { BenchProgress, PartialResults } from '../../src/bench/results.ts';
import { runBench } from '../../src/bench/run.ts';
import { formatResults } from '../../src/cli/bench/tables.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { openReader } from '../../src/loader/local.ts';

const MODEL = fileURLToPath(new URL('../../public/models/llama-scoutling', import.meta.url));
const TIMEOUT = 300_000;

test(
  'the quick bench measures the adapter, the kernels and the embedded model, and says so as it goes',
  async () => {
    const { gpu } = await openNodeGpu();
    const progress: BenchProgress[] = [];
    const seen: PartialResults[] = [];
    const results = await runBench(gpu, {
      quick: true,
      model: () => openReader(MODEL),
      signal: new AbortController().signal,
      onProgress: (one) => progress.push(one),
      onResults: (one) => seen.push(structuredClone(one)),
    });
    expect(progress.map(({ done }) => done)).toEqual(progress.map(({ done }) => done).sort((a, b) => a - b));
    expect(new Set(progress.map(({ phase }) => phase))).toEqual(
      new Set(['start', 'roofline', 'kernels', 'load', 'prefill', 'decode', 'step']),
    );
    expect(seen[0]).toMatchObject({ version: 1, adapter: results.adapter });
    expect(seen[0]!.roofline).toBeUndefined();
    expect(seen.at(-1)).toEqual(structuredClone(results));

    const { roofline, kernels, model, scout } = results;
    for (const rate of Object.values(roofline)) expect(rate).toBeGreaterThan(0);
    expect(kernels.map(({ correct }) => correct)).toEqual([true, true, true, true]);
    expect(model).toMatchObject({ name: 'llama-scoutling', correct: true });
    expect(model!.parameters.total).toBeGreaterThan(4 * model!.parameters.active);
    const [decode] = model!.decode;
    const { ops, sumSeconds, context } = model!.step!;
    const sum = (of: 'dispatches' | 'bytes') => ops.reduce((total, op) => total + op[of], 0);
    expect(context).toBe(decode!.context);
    expect(sum('dispatches')).toBe(decode!.dispatches);
    expect(sumSeconds).toBeGreaterThan(0);
    expect(scout!.decode.every(({ tokensPerSecond }) => tokensPerSecond > 0)).toBe(true);
    expect(formatResults(results)).toContain('greedy ids as stored');
  },
  TIMEOUT,
);

test(
  'a run that is stopped rejects with the reason',
  async () => {
    const { gpu } = await openNodeGpu();
    const abort = new AbortController();
    const run = runBench(gpu, {
      quick: true,
      model: undefined,
      signal: abort.signal,
      onProgress: ({ phase }) => phase === 'roofline' && abort.abort(new Error('enough')),
      onResults: () => {},
    });
    await expect(run).rejects.toThrow('enough');
  },
  TIMEOUT,
);
