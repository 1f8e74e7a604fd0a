import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPower, formatScaled, formatSeconds, formatShare } from '../../../src/pages/bench/units.ts';

describe('a measured quantity', () => {
  it.each([
    [0, '0 B/s'],
    [431.9, '432 B/s'],
    [43_210, '43.2 kB/s'],
    [812e9, '812 GB/s'],
    [1.2e12, '1.20 TB/s'],
  ])('%d bytes per second is read as %s', (value, text) => expect(formatScaled(value, 'B/s')).toBe(text));

  it.each([
    [0, '0 s'],
    [2.6e-6, '2.60 µs'],
    [0.0334, '33.4 ms'],
    [3.4, '3.40 s'],
    [4e-10, '0.400 ns'],
  ])('%d seconds are read as %s', (value, text) => expect(formatSeconds(value)).toBe(text));

  it.each([
    [0, '0 %'],
    [0.0001, '< 0.1 %'],
    [0.0432, '4.3 %'],
    [0.0996, '10 %'],
    [1.04, '104 %'],
  ])('a share of %d is read as %s', (value, text) => expect(formatShare(value)).toBe(text));

  it('ticks are powers of ten with a prefix', () => {
    expect([0.1, 1, 1000, 1e11, 1e12].map(formatPower)).toEqual(['0.1', '1', '1 k', '100 G', '1 T']);
  });

  it('keeps three digits, whatever its size', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1e4, noNaN: true }), (seconds) => {
        const [number, unit] = formatSeconds(seconds).split(' ') as [string, string];
        const scale = { s: 1, ms: 1e-3, µs: 1e-6, ns: 1e-9 }[unit]!;
        const read = Number(number.replaceAll(',', '')) * scale;
        expect(Math.abs(read - seconds)).toBeLessThanOrEqual(0.0051 * seconds);
      }),
    );
  });
});
