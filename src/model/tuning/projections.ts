/** The projections of a model, as trials: to time the ways to compute them, and to see that a driver computes them right. */
import { groupByExpert } from '../../kernels/expert-tiles.ts';
import type { LinearRequest } from '../../kernels/linear.ts';
import { matmul } from '../../kernels/matmul.ts';
import { blobLayout, type GpuMatrix } from '../../kernels/matrix.ts';
import { matvec } from '../../kernels/matvec.ts';
import { numTiles } from '../../kernels/tiles.ts';
import type { Mlp, Weights } from '../weights.ts';
import { storedFloats, storedMatrix, wordSource } from './numbers.ts';
import type { Trial, Workbench } from './workbench.ts';

/** A matrix in one of its places in the forward pass. Plain data. */
export interface Projection {
  readonly matrix: Omit<GpuMatrix, 'shards'>;
  readonly epilogue: 'store' | 'add' | 'swiglu';
  readonly part: LinearRequest['part'];
}

/** Every projection of a token or of a block, as `Ops` asks for them. */
export function projectionsOf({ layers, lmHead }: Weights<unknown>, block: boolean): Projection[] {
  const use = (
    { shards, ...matrix }: GpuMatrix<unknown>,
    epilogue: Projection['epilogue'],
    part?: Projection['part'],
  ): Projection => ({ matrix, epilogue, part });
  const mlp = ({ gateUpProj, downProj }: Mlp<unknown>, part?: Projection['part']) => [
    use(gateUpProj, 'swiglu', part),
    use(downProj, 'add', part),
  ];
  return [
    use(lmHead, 'store'),
    ...layers.flatMap(({ qkvProj, oProj, feedForward }) => {
      const attention = [...qkvProj.map((matrix) => use(matrix, 'store')), use(oProj, 'add')];
      if (feedForward.kind === 'dense') return [...attention, ...mlp(feedForward.mlp)];
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

/**
 * @param rows 1: a matvec; more: a matmul
 * @param filled with numbers whose products `expected` tells; else the weights are zeros, which take as long
 */
export function projectionTrial(bench: Workbench, use: Projection, rows: number, filled: boolean): Trial {
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
  const xWidth = epilogue === 'add' ? halves * cols : cols;
  const yWidth = epilogue === 'swiglu' ? halves * outputs : outputs;
  const [xBits, x] = storedFloats(next, rows * xWidth);
  const [yBits, y] = storedFloats(next, rows * yWidth);
  const routes = new Uint32Array(2 * rows); // expert, score
  const scores = new Float32Array(routes.buffer);
  for (let row = 0; row < rows; row++) {
    routes[2 * row] = (2 * row + 1) % (numExperts ?? 1);
    scores[2 * row + 1] = 1 - 1 / (row + 4);
  }
  const at = { position: 0, rows };
  const buffer = bench.buffer(filled ? words : slots * layout.length * 4);
  const shard = { buffer, firstExpert: 0, numExperts: slots, firstOutput: 0, outputs, layout };
  const request = {
    label: `${storage.kind} ${part ?? ''} ${epilogue}`,
    state: bench.state(at),
    routing: {
      routes: bench.buffer(routes),
      order: bench.buffer(4 * rows),
      tiles: bench.buffer(12 * numTiles(rows, numExperts ?? 0)),
    },
    matrix: { ...use.matrix, shards: [shard] },
    x: bench.buffer(xBits),
    y: bench.buffer(yBits),
    epilogue,
    part,
  };
  return {
    at,
    y: request.y,
    record(recorder, options) {
      if (rows === 1) return matvec(recorder, options, request);
      if (numExperts) groupByExpert(recorder, { ...request, numExperts, maxRows: rows });
      matmul(recorder, options, request);
    },
    expected() {
      if (epilogue !== 'add') y.fill(0);
      for (let row = 0; row < rows; row++) {
        const last = slots - 1; // the shared expert, or the only matrix
        const own = routes[2 * row]!;
        const met = !numExperts || part === 'shared' ? [last] : part === 'both' ? [last, own] : [own];
        met.forEach((slot, half) => {
          const weightAt = stack[slot]!;
          const score = slot < (numExperts ?? 0) ? scores[2 * row + 1]! : 1;
          const xAt = row * xWidth + (epilogue === 'add' ? half * cols : 0);
          const yAt = row * yWidth + (epilogue === 'swiglu' ? half * outputs : 0);
          for (let output = 0; output < outputs; output++) {
            let [sum, up] = [0, 0];
            for (let col = 0; col < cols; col++) {
              sum += weightAt(output, col) * x[xAt + col]!;
              if (paired) up += weightAt(outputs + output, col) * x[xAt + col]!;
            }
            y[yAt + output]! += paired ? (score * sum * score * up) / (1 + Math.exp(-score * sum)) : sum;
          }
        });
      }
      return y;
    },
  };
}
