/** The projections of a model, as trials: to time the ways to compute them, and to see that a driver computes them right. */

import { blobLayout } from '../../kernels/blob-layout.ts';
import type { GpuMatrix } from '../../kernels/matrix.ts';
import type { Mlp, Weights } from '../weights.ts';
import type { Projection } from './bench.ts';
import { storedFloats, storedMatrix, wordSource } from './numbers.ts';
import type { Trial } from './trial.ts';

const EPS = 1e-5;

/** Every projection of a token or of a block, as `Ops` asks for them. */
export function projectionsOf({ layers, lmHead }: Weights<unknown>, block: boolean): Projection[] {
  const use = (
    { shards, ...matrix }: GpuMatrix<unknown>,
    epilogue: Projection['epilogue'],
    part?: Projection['part'],
    norm = false,
  ): Projection => ({ matrix, epilogue, part, norm });
  const mlp = ({ gateUpProj, downProj }: Mlp<unknown>, part?: Projection['part'], norm = false) => [
    use(gateUpProj, 'swiglu', part, norm),
    use(downProj, 'add', part),
  ];
  return [
    use(lmHead, 'store'),
    ...layers.flatMap(({ qkvProj, oProj, feedForward }) => {
      const attention = [...qkvProj.map((matrix) => use(matrix, 'store', undefined, !block)), use(oProj, 'add')];
      if (feedForward.kind === 'dense') return [...attention, ...mlp(feedForward.mlp, undefined, !block)];
      const { experts, sharedExpert } = feedForward;
      if (!sharedExpert && !block) return [...attention, ...mlp(experts, 'both')];
      const shared = sharedExpert ? mlp(sharedExpert) : mlp(experts, 'shared');
      return [...attention, ...shared, ...mlp(experts, 'routed')];
    }),
  ];
}

/** Words of one of the matrices that a stack has, or of the only one. */
export function wordsOf({ storage, paired, outputs, cols }: Projection['matrix']): number {
  return blobLayout(storage, paired ? 2 * outputs : outputs, cols, paired).length;
}

/** What a trial's numbers mean. */
interface Data {
  /** Weight by row and column, of each matrix that a stack has, or of the only one. */
  readonly stack: readonly ((row: number, col: number) => number)[];
  /** [rows, cols], twice the columns where both experts add */
  readonly x: Float64Array;
  /** [rows, outputs], twice the outputs where both experts are gated */
  readonly y: Float64Array;
  /** [cols], the norm's */
  readonly weight: Float64Array;
  /** Expert of each row, its score. */
  readonly routes: readonly (readonly [number, number])[];
}

/**
 * @param rows 1: a matvec; more: a matmul
 * @param filled with numbers whose products `expected` tells; else the weights are zeros, which take as long
 */
export function projectionTrial(use: Projection, rows: number, filled: boolean): Trial {
  const { epilogue, part } = use;
  const { storage, paired, shared, numExperts, outputs, cols } = use.matrix;
  const slots = (numExperts ?? 1) + (shared ? 1 : 0);
  const layout = blobLayout(storage, paired ? 2 * outputs : outputs, cols, paired);
  const next = wordSource();
  const words = new Uint32Array(filled ? slots * layout.length : 0);
  const stack = Array.from({ length: filled ? slots : 0 }, (_, slot) => {
    const [blob, weightAt] = storedMatrix(next, storage, layout, cols);
    words.set(blob, slot * layout.length);
    return weightAt;
  });
  const halves = part === 'both' ? 2 : 1;
  const [xBits, x] = storedFloats(next, rows * cols * (epilogue === 'add' ? halves : 1));
  const [yBits, y] = storedFloats(next, rows * outputs * (epilogue === 'swiglu' ? halves : 1));
  const [weightBits, weight] = storedFloats(next, cols);
  const routes = Array.from({ length: rows }, (_, row) => [(2 * row + 1) % (numExperts ?? 1), 2 ** -row] as const);
  const routeBits = new Uint32Array(routes.flat());
  const scores = new Float32Array(routeBits.buffer);
  for (const [row, [, score]] of routes.entries()) scores[2 * row + 1] = score;
  return {
    work: {
      kind: 'projection',
      use,
      rows,
      layout,
      slots,
      blobs: filled ? words : undefined,
      x: xBits,
      y: yBits,
      weight: weightBits,
      eps: EPS,
      routes: routeBits,
    },
    expected: () => multiply(use, { stack, x, y, weight, routes }),
  };
}

function multiply({ matrix, epilogue, part, norm }: Projection, { stack, x, y, weight, routes }: Data): Float64Array {
  const { outputs, cols, paired, numExperts = 0 } = matrix;
  const last = stack.length - 1; // the shared expert, or the only matrix
  if (epilogue !== 'add') y.fill(0);
  routes.forEach(([own, itsScore], row) => {
    const met = !numExperts || part === 'shared' ? [last] : part === 'both' ? [last, own] : [own];
    met.forEach((slot, half) => {
      const score = slot < numExperts ? itsScore : 1;
      const xAt = (row * x.length) / routes.length + (epilogue === 'add' ? half * cols : 0);
      const yAt = (row * y.length) / routes.length + (epilogue === 'swiglu' ? half * outputs : 0);
      const raw = x.subarray(xAt, xAt + cols);
      const rms = Math.sqrt(raw.reduce((sum, value) => sum + value * value, 0) / cols + EPS);
      const input = norm ? raw.map((value, col) => (value / rms) * weight[col]!) : raw;
      const dot = (output: number) => input.reduce((sum, value, col) => sum + stack[slot]!(output, col) * value, 0);
      for (let output = 0; output < outputs; output++) {
        const gate = score * dot(output);
        y[yAt + output]! += paired ? (gate / (1 + Math.exp(-gate))) * score * dot(outputs + output) : dot(output);
      }
    });
  });
  return y;
}
