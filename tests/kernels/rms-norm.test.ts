import { describe, it } from 'vitest';
import { rmsNorm } from '../../src/kernels/rms-norm.ts';
import { ROW_THREADS } from '../../src/kernels/variants.ts';
import { cases, rmsNormData } from '../../src/reference/rms-norm.ts';
import { expectClose, useLab } from './harness.ts';

describe('rms-norm computes what its oracle computes', () => {
  const lab = useLab();
  const ways = Object.values(ROW_THREADS).flatMap((rowThreads) =>
    cases.map((testCase) => ({ ...testCase, rowThreads })),
  );
  it.each(ways)('$name, $rowThreads threads', async ({ rowThreads, ...testCase }) => {
    const { x, weight, expected } = rmsNormData(testCase);
    const at = { position: 0, rows: testCase.rows };
    const [state, y] = [lab().state(at), lab().buffer(new Float32Array(x.length))];
    const request = { ...testCase, state, x: lab().buffer(x), weight: lab().buffer(weight), y };
    await lab().run(at, (recorder) => rmsNorm(recorder, { rowThreads }, request));
    expectClose(await lab().floats(y, expected.length), expected);
  });
});
