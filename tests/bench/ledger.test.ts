import { beforeAll, describe, expect, it } from 'vitest';
import { CURVES, type Part, partOf, positionsOf } from '../../src/bench/curves/curves.ts';
import { chunkMaxima, deviation, fitCurve, type Point, spread } from '../../src/bench/curves/fit.ts';
import { curvesConfig, scoutConfig } from '../../src/bench/synthetic/configs.ts';
import { type Ledger, openLedger } from '../../src/bench/synthetic/ledger.ts';
import { defineBufferUsage, LARGE_GPU } from './adapters.ts';

beforeAll(defineBufferUsage);

describe.each(['decode', 'prefill'] as const)('cost curves from 0 to 16K tokens, by the accounts of %s', (run) => {
  const { chunk, maxTokens } = CURVES;
  const { rows } = CURVES[run];
  let ledger: Ledger;
  beforeAll(() => {
    ledger = openLedger(curvesConfig(CURVES), { facts: LARGE_GPU, contextLength: maxTokens });
  });

  /** Bytes or operations per token instead of seconds. */
  function curve(part: Part, of: 'bytes' | 'flops'): Point[] {
    return positionsOf(CURVES, CURVES[run]).map((position) => {
      const own = ledger.entries({ position, rows }).filter((entry) => partOf(entry) === part);
      return { position, seconds: own.reduce((sum, { cost }) => sum + cost[of], 0) / rows };
    });
  }

  it.each(['bytes', 'flops'] as const)('chunked layers: %s are linear inside a chunk and restart with each', (of) => {
    const points = curve('chunked attention', of);
    const fit = fitCurve(points, chunk);
    expect(fit.slope).toBeGreaterThan(0);
    expect(deviation(points, fit, chunk)).toBeLessThan(0.02);
    expect(chunkMaxima(points, chunk)).toHaveLength(maxTokens / chunk);
    expect(spread(chunkMaxima(points, chunk))).toBeLessThan(1e-9);
  });

  it.each(['bytes', 'flops'] as const)('global layers: %s are linear over all positions', (of) => {
    const points = curve('global attention', of);
    const fit = fitCurve(points);
    expect(fit.slope).toBeGreaterThan(0);
    expect(deviation(points, fit)).toBeLessThan(0.05); // the queries are read again for each segment
    const endOfFirstChunk = points.filter(({ position }) => position < chunk).at(-1)!;
    expect(points.at(-1)!.seconds).toBeGreaterThan((0.8 * endOfFirstChunk.seconds * maxTokens) / chunk);
  });

  it.each(['bytes', 'flops'] as const)('all else: %s are the same at every position', (of) => {
    const values = curve('all else', of).map(({ seconds }) => seconds);
    expect(spread(values)).toBeLessThan(1e-9);
  });
});

describe('Scout in int4', () => {
  let ledger: Ledger;
  beforeAll(() => {
    ledger = openLedger(scoutConfig(), { facts: LARGE_GPU, contextLength: 8192 });
  });

  it('is 57 GB, of which a token reads 8.3', () => {
    const entries = ledger.entries({ position: 0, rows: 1 });
    const bytes = entries.reduce((sum, { cost }) => sum + cost.bytes, 0);
    expect(ledger.weightBytes / 1e9).toBeCloseTo(57.1, 1);
    expect(bytes / 1e9).toBeCloseTo(8.36, 1);
  });

  it('decodes with at most 8 dispatches a layer', () => {
    const entries = ledger.entries({ position: 8191, rows: 1 });
    const chunked = entries.filter(({ layer }) => layer?.index === 0);
    expect(chunked.map(({ label }) => label)).toHaveLength(8);
  });

  it('computes two operations for each of 16 billion active weights', () => {
    const flops = ledger.entries({ position: 0, rows: 1 }).reduce((sum, { cost }) => sum + cost.flops, 0);
    expect(flops / 1e9).toBeCloseTo(2 * 16.14, 0);
  });
});
