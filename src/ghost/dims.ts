/** The sizes of a ghost: the two published models, and anything smaller of the same make. */
import { OutriderError } from '../errors.ts';

export interface VisionDims {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediate: number;
  readonly imageSize: number;
  readonly patchSize: number;
  /** Width after the adapter, and the projector's input. */
  readonly output: number;
}

export interface GhostDims {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Width of a routed expert and of the shared one. */
  readonly intermediate: number;
  /** Width of a dense feed-forward layer. */
  readonly intermediateMlp: number;
  readonly experts: number;
  /** Layer l is a mixture of experts where (l + 1) is a multiple of this. */
  readonly moeStep: number;
  readonly vocab: number;
  readonly chunk: number;
  readonly qkNorm: boolean;
  /** Scout's llama3 rule (factor 16, both frequencies 1) or Maverick's plain angles. */
  readonly scaledRope: boolean;
  readonly maxPositions: number;
  /** Undefined: the text model alone. */
  readonly vision: VisionDims | undefined;
}

const VISION: VisionDims = {
  hidden: 1408,
  layers: 34,
  heads: 16,
  intermediate: 5632,
  imageSize: 336,
  patchSize: 14,
  output: 4096,
};

const SCOUT: GhostDims = {
  hidden: 5120,
  layers: 48,
  heads: 40,
  kvHeads: 8,
  headDim: 128,
  intermediate: 8192,
  intermediateMlp: 16384,
  experts: 16,
  moeStep: 1,
  vocab: 202048,
  chunk: 8192,
  qkNorm: true,
  scaledRope: true,
  maxPositions: 10485760,
  vision: VISION,
};

export const MODELS = {
  scout: SCOUT,
  maverick: { ...SCOUT, experts: 128, moeStep: 2, qkNorm: false, scaledRope: false, maxPositions: 1048576 },
} as const satisfies Record<string, GhostDims>;

export type ModelName = keyof typeof MODELS;

/** A ghost of about a megabyte with every kind of tensor; all groups of 128 and blocks of 8 come out even. */
export const TINY: Partial<GhostDims> = {
  hidden: 128,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 32,
  intermediate: 256,
  intermediateMlp: 384,
  experts: 4,
  vocab: 512,
  chunk: 32,
  vision: { hidden: 48, layers: 2, heads: 2, intermediate: 192, imageSize: 336, patchSize: 14, output: 64 },
};

export function isMoe({ moeStep }: GhostDims, layer: number): boolean {
  return (layer + 1) % moeStep === 0;
}

/** Throws `invalid_request` for a size that is no positive integer. */
export function checkDims(dims: GhostDims): void {
  for (const [name, value] of [...Object.entries(dims), ...Object.entries(dims.vision ?? {})]) {
    if (typeof value === 'number' && !(Number.isSafeInteger(value) && value > 0)) {
      throw new OutriderError('invalid_request', `A ghost's ${name} is ${value}; it must be a positive integer.`, {
        details: { name, value },
      });
    }
  }
}
