import { describe, expect, it } from 'vitest';
import { route } from '../../src/kernels/router.ts';
import { cases, routerData } from '../../src/reference/router.ts';
import { expectClose, useLab } from './harness.ts';

describe('router chooses and scores as its oracle does', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const { rows, layers, layer, forceRoutes } = testCase;
    const { logits, forced, index, score } = routerData(testCase);
    const at = { position: 0, rows };
    const routes = lab().buffer(new Uint32Array(2 * rows));
    const record = lab().buffer(new Uint32Array(1 + layers).fill(99));
    const request = {
      ...testCase,
      state: lab().state(at, { force_routes: forceRoutes ? 1 : 0 }),
      logits: lab().buffer(logits),
      forced: lab().buffer(forced),
      routes,
      record,
    };
    await lab().run(at, (recorder) => route(recorder, request));
    const found = await lab().words(routes, 2 * rows);
    expect(Array.from(found.filter((_, word) => word % 2 === 0))).toEqual(Array.from(index));
    expectClose(
      new Float32Array(found.buffer).filter((_, word) => word % 2 === 1),
      score,
    );
    const expectedRecord = new Array(1 + layers).fill(99);
    expectedRecord[1 + layer] = index[rows - 1];
    expect(Array.from(await lab().words(record, 1 + layers))).toEqual(expectedRecord);
  });
});
