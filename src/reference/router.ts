import { linear } from './linear.ts';
import { argmax, generate, type Matrix, type Numbers, sigmoid } from './numbers.ts';
import { seeded } from './random.ts';

/** What one MoE layer's router decided. */
export interface Routes {
  /** [tokens, experts] */
  readonly logits: Float64Array;
  /** The one expert of each token: the largest logit, ties to the lower index. [tokens] */
  readonly index: Int32Array;
  /** sigmoid of the chosen logit; multiplies the expert's input. [tokens] */
  readonly score: Float64Array;
}

/**
 * Top-1 routing. `forced` [tokens] overrides the choice, never the score's formula: it compares low-precision engines
 * along the exact one's routes.
 * router [experts, width], y [tokens, width]
 */
export function route(router: Matrix, y: Numbers, forced?: ArrayLike<number>): Routes {
  const experts = router.rows;
  const logits = linear(router, y);
  const tokens = logits.length / experts;
  const index = new Int32Array(tokens);
  for (let token = 0; token < tokens; token++) {
    index[token] = forced?.[token] ?? argmax(logits.subarray(token * experts, (token + 1) * experts));
  }
  const score = generate(tokens, (token) => sigmoid(logits[token * experts + index[token]!]!));
  return { logits, index, score };
}

/** One MoE layer's logits for some rows. */
export interface RouterCase {
  readonly name: string;
  readonly rows: number;
  readonly numExperts: number;
  /** MoE layers, and which of them this is. */
  readonly layers: number;
  readonly layer: number;
  readonly maxRows: number;
  /** Take the choices from `forced`. */
  readonly forceRoutes?: boolean;
  /** Deviation of the logits: large ones saturate the sigmoid. Default 1. */
  readonly deviation?: number;
  /** Round the logits, so that many tie. */
  readonly ties?: boolean;
}

/** logits [rows, experts], forced [layers, maxRows], expected index and score [rows] */
export function routerData(testCase: RouterCase) {
  const { name, rows, numExperts, layers, layer, maxRows, deviation = 1 } = testCase;
  const random = seeded(name);
  const normals = random.normals(rows * numExperts, deviation);
  const logits = testCase.ties ? normals.map(Math.round) : normals;
  const forced = new Uint32Array(layers * maxRows).map(() => random.below(numExperts));
  const identity = { rows: numExperts, cols: numExperts, values: identityOf(numExperts) };
  const own = testCase.forceRoutes ? forced.subarray(layer * maxRows) : undefined;
  const { index, score } = route(identity, logits, own);
  return { logits, forced, index, score };
}

function identityOf(size: number): Float64Array {
  return generate(size * size, (at) => (at % (size + 1) === 0 ? 1 : 0));
}

/** What tests/kernels runs on the GPU; names seed the data. */
export const cases: readonly RouterCase[] = [
  { name: 'decoding', rows: 1, numExperts: 16, layers: 5, layer: 4, maxRows: 1 },
  { name: 'a block', rows: 100, numExperts: 16, layers: 48, layer: 7, maxRows: 128 },
  {
    name: 'Maverick, scores that saturate',
    rows: 70,
    numExperts: 128,
    layers: 2,
    layer: 1,
    maxRows: 70,
    deviation: 60,
  },
  { name: 'ties go to the lower index', rows: 64, numExperts: 16, layers: 1, layer: 0, maxRows: 64, ties: true },
  { name: 'forced routes', rows: 33, numExperts: 16, layers: 3, layer: 1, maxRows: 40, forceRoutes: true },
];
