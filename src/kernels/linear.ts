/** The request for a projection y = W x: of one token for matvec.ts, of a block for matmul.ts. */
import type { GpuMatrix } from './matrix.ts';

/** Which expert each token of the run goes to. Bound, but not read, where the matrix is not routed. */
export interface Routing {
  readonly routes: GPUBuffer; // [rows] expert u32, score f32
  readonly order: GPUBuffer; // [rows] u32
  readonly tiles: GPUBuffer; // [numTiles] expert, first, rows: u32
}

export interface LinearRequest {
  /** What it is in the model, for accounting. */
  readonly label: string;
  readonly state: GPUBuffer;
  readonly routing: Routing;
  readonly matrix: GpuMatrix;
  readonly x: GPUBuffer; // [rows, matrix.cols] f32; part 'both' with 'add': [1, 2 * matrix.cols]
  readonly y: GPUBuffer; // [rows, yCols] f32; part 'both' with 'swiglu': [1, 2 * matrix.outputs]
  /** Columns of y; default matrix.outputs. */
  readonly yCols?: number;
  /** First column of y that is written; default 0. */
  readonly yAt?: number;
  /** 'add': y += W x; 'swiglu': the matrix is paired, y = silu(gate) * up. */
  readonly epilogue?: 'store' | 'add' | 'swiglu';
  /** For one token only: x is the residual stream, normalized on the way in: x / rms(x) * weight. */
  readonly norm?: { readonly weight: GPUBuffer; readonly eps: number } | undefined; // weight [cols] f32
  /**
   * Of a stack: each token's own expert (default), the shared expert that lies behind the routed ones, or, for one token
   * only, both: with 'swiglu' the shared expert's outputs and then the routed one's; with 'add' the sum of both products,
   * x being the shared expert's input and then the routed one's.
   */
  readonly part?: 'routed' | 'shared' | 'both' | undefined;
}

export function routed(matrix: GpuMatrix): boolean {
  return matrix.numExperts !== undefined;
}
