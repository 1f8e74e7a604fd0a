import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { BenchResults, CostCurve, TrueSizeResult } from '../../../src/bench/results.ts';
import { formatResults } from '../../../src/cli/bench/tables.ts';

const fixture = JSON.parse(
  readFileSync(new URL('../../fixtures/bench/results.json', import.meta.url), 'utf8'),
) as BenchResults;

const curve = (name: string, secondsAt: (position: number) => number): CostCurve => ({
  name,
  points: [0, 50, 99, 100, 150, 199].map((position) => ({ position, seconds: secondsAt(position) })),
  fit: { start: 1e-4, slope: 2e-6 },
});

const trueSize: TrueSizeResult = {
  context: 8192,
  weightBytes: 4.87e9,
  ops: [
    {
      label: 'qkv',
      kernel: 'matvec',
      dispatches: 2,
      seconds: 0.01,
      bytes: 4e7,
      flops: 1.5e8,
      share: 0.5,
      times: 24,
    },
  ],
  sumSeconds: 0.01,
  stepSeconds: 0.011,
  tokenSeconds: 0.24,
  tokenBytes: 9.6e8,
  tokenDispatches: 48,
};

it('every part of the results is in the text, in lines of even columns', () => {
  const text = formatResults(fixture);
  for (const { kernel, case: name } of fixture.kernels) {
    expect(text).toContain(kernel);
    expect(text).toContain(name);
  }
  for (const { label } of fixture.model!.step!.ops) expect(text).toContain(label);
  for (const line of fixture.scout!.formula) expect(text).toContain(line);
  for (const warning of fixture.warnings) expect(text).toContain(`! ${warning}`);
  expect(text).not.toMatch(/NaN|undefined|Infinity/);
});

it('cost curves show their lines, how far points are off, and how alike the chunks are', () => {
  const chunked = curve('chunked attention', (position) => 1e-4 + 2e-6 * (position % 100));
  const global = curve('global attention', (position) => 1e-4 + 2e-6 * position);
  const curves = { model: 'a small one', chunk: 100, decode: [chunked], prefill: [global] };
  const lines = formatResults({ ...fixture, curves }).split('\n');
  const find = (start: string) => lines.find((line) => line.startsWith(start))!.split(/ {2,}/);
  expect(find('decode, chunked')).toEqual([
    'decode, chunked attention',
    '100.0',
    '2000.000',
    '0.0 %',
    '0.0 %',
    '298 298',
  ]);
  expect(find('prefill, global')).toEqual(['prefill, global attention', '100.0', '2000.000', '0.0 %', '298 498']);
});

it('true-size layers show what 48 of them would take', () => {
  const text = formatResults({ ...fixture, trueSize });
  expect(text).toMatch(/qkv +matvec +2 +10\.0 +40\.0 +4\.00 +15\.0 +50\.0 % +24 +240/);
  expect(text).toContain('48 layers and the head: 240 ms a token by the sum, 0.960 GB, 48 dispatches, 4.00 GB/s');
});
