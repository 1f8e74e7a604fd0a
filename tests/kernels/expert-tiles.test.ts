import { describe, expect, it } from 'vitest';
import { groupByExpert } from '../../src/kernels/expert-tiles.ts';
import { numTiles } from '../../src/kernels/tiles.ts';
import { cases, expertTiles, randomExperts } from '../../src/reference/expert-tiles.ts';
import { useLab } from './harness.ts';

describe('expert-tiles groups rows as its oracle does', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const { rows, maxRows, numExperts } = testCase;
    const experts = randomExperts(testCase);
    const expected = expertTiles(experts, numExperts, numTiles(maxRows, numExperts));
    const blank = { order: new Uint32Array(maxRows).fill(77), tiles: new Uint32Array(expected.tiles.length).fill(77) };
    const routing = lab().routing(experts, new Float32Array(rows), blank);
    const at = { position: 0, rows };
    const request = { state: lab().state(at), routing, numExperts, maxRows };
    await lab().run(at, (recorder) => groupByExpert(recorder, request));
    expect(Array.from(await lab().words(routing.order, rows))).toEqual(Array.from(expected.order));
    expect(Array.from(await lab().words(routing.tiles, expected.tiles.length))).toEqual(Array.from(expected.tiles));
  });
});
