import { describe, it } from 'vitest';
import { rmsNorm } from '../../src/kernels/rms-norm.ts';
import { cases, rmsNormData } from '../../src/reference/rms-norm.ts';
import { expectClose, useLab, withRowThreads } from './harness.ts';

describe('rms-norm computes what its oracle computes', () => {
  const lab = useLab();
  it.each(withRowThreads(cases))('$name, $rowThreads threads', async ({ rowThreads, ...testCase }) => {
    const { x, weight, expected } = rmsNormData(testCase);
    const at = { position: 0, rows: testCase.rows };
    const [state, y] = [lab().state(at), lab().buffer(new Float32Array(x.length))];
    const request = { ...testCase, state, x: lab().buffer(x), weight: lab().buffer(weight), y };
    await lab().run(at, (recorder) => rmsNorm(recorder, { rowThreads }, request));
    expectClose(await lab().floats(y, expected.length), expected);
  });
});
