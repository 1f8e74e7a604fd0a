import { describe, expect, it } from 'vitest';
import { blobLayout } from '../../src/kernels/blob-layout.ts';
import { normRoute } from '../../src/kernels/norm-router.ts';
import { cases, normRouterData } from '../../src/reference/norm-router.ts';
import { expectClose, useLab, withRowThreads } from './harness.ts';

describe('norm-router normalizes, chooses and scores as its oracle does', () => {
  const lab = useLab();
  it.each(withRowThreads(cases))('$name, $rowThreads threads', async ({ rowThreads, ...testCase }) => {
    const { rows, cols, numExperts, layers, layer, maxRows, eps, element, forceRoutes } = testCase;
    const data = normRouterData(testCase);
    const storage = { kind: 'float', element } as const;
    const at = { position: 0, rows };
    const shard = {
      buffer: lab().buffer(data.blob),
      firstExpert: 0,
      numExperts: 1,
      firstOutput: 0,
      outputs: numExperts,
      layout: blobLayout(storage, numExperts, cols),
    };
    const [x, logits] = [rows * cols, rows * numExperts].map((size) => lab().buffer(new Float32Array(size)));
    const [routes, record] = [new Uint32Array(2 * rows), new Uint32Array(1 + layers).fill(999)].map((words) =>
      lab().buffer(words),
    );
    const request = {
      state: lab().state(at, { force_routes: forceRoutes ? 1 : 0 }),
      h: lab().buffer(data.h),
      weight: lab().buffer(data.weight),
      router: {
        storage,
        outputs: numExperts,
        cols,
        paired: false,
        numExperts: undefined,
        shared: false,
        shards: [shard],
      },
      forced: lab().buffer(data.forced),
      ...{ x: x!, logits: logits!, routes: routes!, record: record!, eps, layer, maxRows },
    };
    await lab().run(at, (recorder) => normRoute(recorder, { rowThreads }, request));
    expectClose(await lab().floats(x!, data.x.length), data.x);
    expectClose(await lab().floats(logits!, data.logits.length), data.logits);
    const found = await lab().words(routes!, 2 * rows);
    expect(Array.from(found.filter((_, word) => word % 2 === 0))).toEqual(Array.from(data.index));
    expectClose(
      new Float32Array(found.buffer).filter((_, word) => word % 2 === 1),
      data.score,
    );
    const expectedRecord = new Array(1 + layers).fill(999);
    expectedRecord[1 + layer] = data.index[rows - 1];
    expect(Array.from(await lab().words(record!, 1 + layers))).toEqual(expectedRecord);
  });
});
