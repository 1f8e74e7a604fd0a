/** The projections of a model, as trials: to time the ways to compute them, and to see that a driver computes them right. */
import type { Recorder } from '../../gpu/plan.ts';
import { groupByExpert } from '../../kernels/expert-tiles.ts';
import type { LinearRequest } from '../../kernels/linear.ts';
import { matmul } from '../../kernels/matmul.ts';
import { blobLayout, type GpuMatrix } from '../../kernels/matrix.ts';
import { matvec } from '../../kernels/matvec.ts';
import { numTiles } from '../../kernels/tiles.ts';
import type { KernelOptions } from '../../kernels/variants.ts';
import type { Mlp, Weights } from '../weights.ts';
import { storedFloats, storedMatrix, wordSource } from './numbers.ts';
import type { Trial, Workbench } from './workbench.ts';

/** A matrix in one of its places in the forward pass. */
export interface Projection extends Pick<LinearRequest, 'part'> {
  readonly epilogue: 'store' | 'add' | 'swiglu';
  readonly matrix: Omit<GpuMatrix<unknown>, 'shards'>;
}

/** Every projection of a token or of a block, in the model's order. */
export function projectionsOf({ layers, lmHead }: Weights<unknown>, block: boolean): Projection[] {
  const mlp = ({ gateUpProj, downProj }: Mlp<unknown>, part?: Projection['part']): Projection[] => [
    { matrix: gateUpProj, epilogue: 'swiglu', part },
    { matrix: downProj, epilogue: 'add', part },
  ];
  const feedForward = (weights: Weights<unknown>['layers'][number]['feedForward']): Projection[] => {
    if (weights.kind === 'dense') return mlp(weights.mlp);
    const { experts, sharedExpert } = weights;
    if (sharedExpert) return [...mlp(sharedExpert), ...mlp(experts, 'routed')];
    return block ? [...mlp(experts, 'shared'), ...mlp(experts, 'routed')] : mlp(experts, 'both');
  };
  return [
    ...layers.flatMap((layer): Projection[] => [
      ...layer.qkvProj.map((matrix): Projection => ({ matrix, epilogue: 'store' })),
      { matrix: layer.oProj, epilogue: 'add' },
      ...feedForward(layer.feedForward),
    ]),
    { matrix: lmHead, epilogue: 'store' },
  ];
}

/** What a projection's speed depends on. */
export function kindOf({ matrix, epilogue, part }: Projection): string {
  const { storage, outputs, cols, paired, numExperts, shared } = matrix;
  return JSON.stringify([storage, outputs, cols, paired, numExperts, shared, epilogue, part]);
}

export interface TrialShape {
  readonly outputs: number;
  readonly cols: number;
  /** 1: a matvec; more: a matmul. */
  readonly rows: number;
  /** Of a stack. */
  readonly experts: number;
}

/** @param filled with numbers whose products `expected` tells; else the weights are zeros, which take as long */
export function projectionTrial(bench: Workbench, use: Projection, shape: TrialShape, filled: boolean): Trial {
  const { outputs, cols, rows } = shape;
  const { epilogue, part } = use;
  const { storage, paired, shared, numExperts } = use.matrix;
  const experts = numExperts === undefined ? undefined : shape.experts;
  const slots = (experts ?? 1) + (shared ? 1 : 0);
  const layout = blobLayout(storage, paired ? 2 * outputs : outputs, cols, paired);
  const next = wordSource();
  const words = new Uint32Array(slots * layout.length);
  const stack = Array.from({ length: filled ? slots : 0 }, (_, slot) => {
    const [blob, weightAt] = storedMatrix(next, storage, layout, cols);
    words.set(blob, slot * layout.length);
    return weightAt;
  });
  const halves = part === 'both' ? 2 : 1;
  const [xBits, x] = storedFloats(next, rows * cols * (epilogue === 'add' ? halves : 1), 'F32');
  const [yBits, y] = storedFloats(next, rows * outputs * (epilogue === 'swiglu' ? halves : 1), 'F32');
  const routes = new Uint32Array(2 * rows);
  const scores = new Float32Array(routes.buffer);
  for (let row = 0; row < rows; row++) {
    routes[2 * row] = (row * 2 + 1) % (experts ?? 1);
    scores[2 * row + 1] = 1 - 1 / (row + 4);
  }
  const at = { position: 0, rows };
  const state = bench.state(at);
  const routing = bench.routing(routes, numTiles(rows, experts ?? 0));
  const shard = { buffer: bench.buffer(words), firstExpert: 0, numExperts: slots, firstOutput: 0, outputs, layout };
  const matrix = { ...use.matrix, outputs, cols, numExperts: experts, shards: [shard] };
  const request = {
    label: 'trial',
    state,
    routing,
    matrix,
    x: bench.buffer(xBits),
    y: bench.buffer(yBits),
    epilogue,
    part,
  };
  return {
    name: `${storage.kind} ${part ?? ''} ${epilogue}, ${rows} x ${cols} to ${outputs}`,
    at,
    y: request.y,
    record(recorder: Recorder, options: KernelOptions) {
      if (rows === 1) return matvec(recorder, options, request);
      if (experts) groupByExpert(recorder, { state, routing, numExperts: experts, maxRows: rows });
      matmul(recorder, options, request);
    },
    expected() {
      const own = (row: number) => ({ weightAt: stack[routes[2 * row]!]!, score: scores[2 * row + 1]! });
      const everyone = { weightAt: stack.at(-1)!, score: 1 }; // the shared expert, or the only matrix
      const isRouted = experts !== undefined && part !== 'shared';
      return multiply(use, shape, x, y, (row) => [
        ...(isRouted && part !== 'both' ? [] : [everyone]),
        ...(isRouted ? [own(row)] : []),
      ]);
    },
  };
}

/** A matrix that a row meets, and the factor of its input. */
interface Meeting {
  readonly weightAt: (row: number, col: number) => number;
  readonly score: number;
}

/** @param y before. @param meetings two of them for 'both' */
function multiply(
  { epilogue }: Projection,
  { outputs, cols, rows }: TrialShape,
  x: Float64Array,
  y: Float64Array,
  meetings: (row: number) => Meeting[],
): Float64Array {
  const expected = epilogue === 'add' ? y.slice() : new Float64Array(y.length);
  for (let row = 0; row < rows; row++) {
    meetings(row).forEach(({ weightAt, score }, half) => {
      const xAt = (row * x.length) / rows + (epilogue === 'add' ? half * cols : 0);
      const yAt = (row * y.length) / rows + (epilogue === 'swiglu' ? half * outputs : 0);
      const dot = (output: number) => {
        let sum = 0;
        for (let col = 0; col < cols; col++) sum += weightAt(output, col) * x[xAt + col]!;
        return sum;
      };
      for (let output = 0; output < outputs; output++) {
        const gate = score * dot(output);
        expected[yAt + output]! +=
          epilogue === 'swiglu' ? (gate / (1 + Math.exp(-gate))) * score * dot(outputs + output) : dot(output);
      }
    });
  }
  return expected;
}
