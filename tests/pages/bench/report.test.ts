import { describe, expect, it } from 'vitest';
import type { BenchResults } from '../../../src/bench/results.ts';
import { Comparison } from '../../../src/pages/bench/comparison.ts';
import { toMarkdown } from '../../../src/pages/bench/report/markdown.ts';
import { reportOf } from '../../../src/pages/bench/report/report.ts';
import { fixture } from './fixture.ts';

const tableOf = (results: Partial<BenchResults>, id: string, other?: BenchResults) =>
  reportOf({ ...results, version: 1 }, other && new Comparison(other)).tables.find((table) => table.id === id);

describe('a report', () => {
  it('has whatever part of a run there is, in the order in which parts are measured', () => {
    const { roofline, kernels, model, ...rest } = fixture();
    expect(reportOf({ version: 1 }).tables).toEqual([]);
    expect(reportOf({ version: 1, roofline, kernels: [] }).tables.map(({ id }) => id)).toEqual(['roofs']);
    const begun = { ...model!, decode: [], step: undefined, answer: undefined };
    const ids = reportOf({ version: 1, roofline, kernels: kernels.slice(0, 1), model: begun }).tables.map(
      ({ id }) => id,
    );
    expect(ids).toEqual(['roofs', 'kernels', 'prefill']);
    const all = ['roofs', 'kernels', 'scout', 'prefill', 'decode', 'step', 'true-size', 'curve-fits', 'answer'];
    expect(reportOf({ ...rest, roofline, kernels, model }).tables.map(({ id }) => id)).toEqual(all);
  });

  it('states the rate that the lower roof limits', () => {
    const [memory, arithmetic] = ['matvec-int4', 'matmul-int4'].map((kernel) => {
      const kernels = fixture().kernels.filter((one) => one.kernel === kernel);
      return tableOf({ ...fixture(), kernels }, 'kernels')!.rows[0]!;
    });
    expect([memory![3]!.text, memory![4]!.detail]).toEqual([expect.stringMatching(/ GB\/s$/), 'of memory']);
    expect([arithmetic![3]!.text, arithmetic![4]!.detail]).toEqual([
      expect.stringMatching(/FLOP\/s$/),
      'of arithmetic',
    ]);
  });

  it('adds up the kernels of one operation, and sets the sum beside the real step', () => {
    const { ops, sumSeconds } = fixture().model!.step!;
    const table = tableOf(fixture(), 'step')!;
    expect(ops.filter(({ label }) => label === 'attention').length).toBe(2);
    const row = table.rows.find(([name]) => name!.text === 'attention')!;
    expect(row[2]!.bar).toBeCloseTo((96e-6 + 28e-6) / sumSeconds, 12);
    expect(table.rows.reduce((sum, [, , part]) => sum + part!.bar!, 0)).toBeCloseTo(1, 12);
    expect(table.note).toMatch(/^Sum 646 µs; the real step took 930 µs, 1.44 times that/);
  });

  it('says which result is wrong, also where it is not even a number', () => {
    const [kernel, ...others] = fixture().kernels;
    const broken = { ...kernel!, correct: false, error: Number.NaN };
    const kernels = JSON.parse(JSON.stringify([broken, ...others])) as BenchResults['kernels'];
    expect(tableOf({ ...fixture(), kernels }, 'kernels')!.rows[0]![5]).toMatchObject({
      text: 'not a number',
      correct: false,
    });
  });
});

describe('a comparison', () => {
  const slower: BenchResults = {
    ...fixture(),
    roofline: { ...fixture().roofline, readRate: fixture().roofline.readRate / 2 },
    kernels: fixture().kernels.map((kernel) => ({ ...kernel, variant: 'another', seconds: kernel.seconds * 4 })),
  };

  it('says how many times as fast each thing is here, whichever variant did it', () => {
    expect(tableOf(fixture(), 'roofs', slower)!.rows.map((row) => row[1]!.ratio)).toEqual([2, 1, 1, 1]);
    for (const row of tableOf(fixture(), 'kernels', slower)!.rows) expect(row[2]!.ratio).toBeCloseTo(4, 12);
    expect(tableOf(fixture(), 'decode', slower)!.rows.map((row) => row[1]!.ratio)).toEqual([1, 1, 1, 1]);
  });

  it('takes the fastest of several variants there', () => {
    const both = { ...slower, kernels: [...fixture().kernels, ...slower.kernels] };
    for (const row of tableOf(fixture(), 'kernels', both)!.rows) expect(row[2]!.ratio).toBeCloseTo(1, 12);
  });

  it('never compares two models', () => {
    const other = { ...fixture(), model: { ...fixture().model!, name: 'another' } };
    for (const id of ['prefill', 'decode', 'step', 'answer']) {
      const ratios = tableOf(fixture(), id, other)!.rows.flatMap((row) => row.map(({ ratio }) => ratio));
      expect(ratios.filter((ratio) => ratio !== undefined)).toEqual([]);
    }
  });
});

describe('Markdown', () => {
  const odd = { ...fixture(), warnings: ['a software adapter'], scout: undefined };
  const kernels = [{ ...fixture().kernels[0]!, case: 'a | b' }, ...fixture().kernels.slice(1)];
  const lines = toMarkdown({ ...odd, kernels }, new Comparison(fixture()))
    .trimEnd()
    .split('\n');

  it('has tables whose rows have as many cells as their heads, whatever names contain', () => {
    const cells = (line: string) => line.split(/(?<!\\)\|/).length;
    const tables = lines
      .join('\n')
      .split('\n\n')
      .filter((block) => block.startsWith('|'));
    expect(tables.length).toBe(8);
    for (const table of tables) expect(new Set(table.split('\n').map(cells)).size).toBe(1);
  });

  it('has the machine, the warnings, and every kernel with its time, rate, share and error', () => {
    expect(lines).toContain('- Adapter: Example GPU (a fixture)');
    expect(lines).toContain('> **Note:** a software adapter');
    expect(lines).toContain(
      '| 2 | Scout q_proj (matvec-int4, subgroups) | 20.6 µs, 1.00× | 658 GB/s (3.87 FLOP/B) | 81 % (of memory) | 8.1e-13 ✓ (at most 1.0e-6) |',
    );
  });
});
