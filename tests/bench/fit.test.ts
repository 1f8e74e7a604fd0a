import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkMaxima, deviation, fitCurve, fitLine, spread } from '../../src/bench/curves/fit.ts';
import { median } from '../../src/bench/timing.ts';

describe('fitLine', () => {
  it('finds the line that points lie on', () => {
    const number = fc.double({ min: -1e3, max: 1e3, noNaN: true });
    const xs = fc.uniqueArray(fc.integer({ min: 0, max: 20_000 }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(number, number, xs, (start, slope, at) => {
        const fit = fitLine(at.map((x) => ({ x, y: start + slope * x })));
        expect(fit.slope).toBeCloseTo(slope, 6);
        expect(fit.start).toBeCloseTo(start, 2);
      }),
    );
  });

  it('is flat through points of one x', () => {
    expect(fitLine([1, 3].map((y) => ({ x: 7, y })))).toEqual({ start: 2, slope: 0 });
  });
});

describe('the curve of a chunked layer', () => {
  const chunk = 100;
  const sawtooth = [0, 50, 99, 100, 150, 199, 200, 299].map((position) => ({
    position,
    seconds: 3 + 2 * (position % chunk),
  }));

  it('is a line inside its chunks, and none over all positions', () => {
    const fit = fitCurve(sawtooth, chunk);
    expect(fit.start).toBeCloseTo(3);
    expect(fit.slope).toBeCloseTo(2);
    expect(deviation(sawtooth, fit, chunk)).toBeLessThan(1e-9);
    expect(deviation(sawtooth, fitCurve(sawtooth))).toBeGreaterThan(0.3);
  });

  it('has the same maximum in every chunk', () => {
    expect(chunkMaxima(sawtooth, chunk)).toEqual([201, 201, 201]);
    expect(spread([201, 201, 221.1])).toBeCloseTo(0.1);
  });
});

it('the median of an even count is between the two in the middle', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 2])).toBe(3.5);
  expect(median([4])).toBe(4);
});
