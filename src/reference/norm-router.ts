import type { FloatDtype } from '../kernels/matrix.ts';
import { seeded } from './random.ts';
import { randomMatrix } from './random-matrix.ts';
import { rmsNorm } from './rms-norm.ts';
import { type RouterCase, route } from './router.ts';

export interface NormRouterCase extends Omit<RouterCase, 'ties'> {
  readonly cols: number;
  readonly element: FloatDtype;
  readonly eps: number;
}

/** h [rows, cols], weight [cols], router as stored, forced [layers, maxRows]; expected x, logits, index and score */
export function normRouterData(testCase: NormRouterCase) {
  const { name, rows, cols, numExperts, element, eps, layers, layer, maxRows, deviation = 1 } = testCase;
  const random = seeded(name);
  const h = random.normals(rows * cols, deviation);
  const weight = random.normals(cols);
  const shape = { rows: numExperts, cols, paired: false, deviation: 1 / Math.sqrt(cols) };
  const { blob, matrix } = randomMatrix(random, { kind: 'float', element }, shape);
  const forced = new Uint32Array(layers * maxRows).map(() => random.below(numExperts));
  const x = rmsNorm(h, cols, eps, weight);
  const own = testCase.forceRoutes ? forced.subarray(layer * maxRows) : undefined;
  return { h, weight, blob, forced, x, ...route(matrix, x, own) };
}

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly NormRouterCase[] = [
  { name: 'decoding', rows: 1, numExperts: 16, layers: 5, layer: 4, maxRows: 1, cols: 256, element: 'BF16', eps: 1e-5 },
  { name: 'a block', rows: 70, numExperts: 4, layers: 3, layer: 0, maxRows: 128, cols: 264, element: 'F32', eps: 1e-5 },
  { name: 'Scout', rows: 2, numExperts: 16, layers: 48, layer: 7, maxRows: 2, cols: 5120, element: 'BF16', eps: 1e-5 },
  {
    name: 'Maverick, small values, where eps counts',
    rows: 3,
    numExperts: 128,
    layers: 2,
    layer: 1,
    maxRows: 3,
    cols: 640,
    element: 'F16',
    eps: 1e-5,
    deviation: 1e-3,
  },
  {
    name: 'forced routes, as many experts as there may be',
    rows: 9,
    numExperts: 256,
    layers: 3,
    layer: 1,
    maxRows: 40,
    cols: 128,
    element: 'BF16',
    eps: 1e-6,
    forceRoutes: true,
  },
];
