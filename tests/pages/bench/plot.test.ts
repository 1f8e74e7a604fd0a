import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shareOf } from '../../../src/bench/share.ts';
import { attainable, boundBy, intensityOf } from '../../../src/pages/bench/roof.ts';
import { placeLabels } from '../../../src/pages/bench/view/labels.ts';
import { fixture } from './fixture.ts';

const { roofline } = fixture();

describe('the roofline', () => {
  const amount = fc.double({ min: 1, max: 1e12, noNaN: true });

  it('allows the same by its times as by its plot', () => {
    fc.assert(
      fc.property(amount, amount, fc.double({ min: 1e-6, max: 10, noNaN: true }), (bytes, flops, seconds) => {
        const work = { bytes, flops, seconds };
        const share = shareOf(work, work.seconds, roofline);
        expect(flops / seconds / attainable(roofline, intensityOf(work)) / share).toBeCloseTo(1, 9);
      }),
    );
  });

  it('is bound by memory left of its corner and by arithmetic right of it', () => {
    const corner = roofline.flopRate / roofline.readRate;
    const bound = (intensity: number) => boundBy(roofline, { bytes: 1e6, flops: intensity * 1e6, seconds: 1 });
    expect([bound(0.99 * corner), bound(1.01 * corner)]).toEqual(['memory', 'arithmetic']);
  });
});

describe('the numbers of points', () => {
  it('cover neither each other nor points, where there is room', () => {
    const spot = fc.record({ x: fc.integer({ min: 0, max: 600 }), y: fc.integer({ min: 0, max: 400 }) });
    fc.assert(
      fc.property(fc.array(spot, { minLength: 1, maxLength: 6 }), (points) => {
        const labels = placeLabels(points, 13);
        for (const [index, { x, y }] of labels.entries()) {
          const others = [...points, ...labels.slice(0, index)];
          expect(Math.min(...others.map((other) => Math.hypot(other.x - x, other.y - y)))).toBeGreaterThan(12);
        }
      }),
    );
  });
});
