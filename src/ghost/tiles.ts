/**
 * The stock that all weights are cut from: about a megabyte per kind of value, with an odd number of elements, so that rows
 * of a matrix differ. A tile is made when it is first needed, from a fixed seed, and never changes.
 */
import { DTYPE_BYTES, type Dtype } from '../checkpoint/tensor.ts';

/** Primes, so that no row length of a matrix divides them; each tile has about 2^20 bytes. */
const ELEMENTS: Readonly<Record<number, number>> = { 1: 1048573, 2: 524287, 4: 262139 };

interface TileKind {
  readonly dtype: Dtype;
  /** One element, as its bits; `random` is uniform in [0, 1). */
  readonly bits: (random: () => number) => number;
}

const DEVIATION = 0.02;

/** Kinds of values. Every one is finite; scales are such that dequantized weights have a deviation of about 0.02. */
const KINDS = {
  /** bf16 weights */
  weight: { dtype: 'BF16', bits: (random) => bf16(normal(random) * DEVIATION) },
  /** bf16, around 1: norms */
  norm: { dtype: 'BF16', bits: (random) => bf16(1 + 0.1 * normal(random)) },
  /** Any bits: packed int4 and fp4 in every integer type, zero points */
  bits: { dtype: 'U32', bits: (random) => random() * 2 ** 32 },
  /** e4m3 with a deviation of 110, which leaves 448 at four deviations; never NaN (0x7f, 0xff) */
  e4m3Weight: { dtype: 'F8_E4M3', bits: (random) => e4m3(normal(random) * 110) },
  /** e4m3 scales of fp4 groups */
  e4m3Scale: { dtype: 'F8_E4M3', bits: (random) => e4m3(between(random, 100, 200)) },
  /** bf16 scale of int4 whose nibbles are uniform in -8..7 */
  int4Scale: { dtype: 'BF16', bits: (random) => bf16(between(random, 0.003, 0.006)) },
  /** bf16 scale of `e4m3Weight` */
  fp8Scale: { dtype: 'BF16', bits: (random) => bf16(between(random, 1.4e-4, 2.2e-4)) },
  /** bf16, MLX: w = nibble * scale + bias */
  affineScale: { dtype: 'BF16', bits: (random) => bf16(between(random, 0.003, 0.006)) },
  affineBias: { dtype: 'BF16', bits: (random) => bf16(-7.5 * between(random, 0.004, 0.005)) },
  /** f32 that compressed-tensors divides by, and its reciprocal, which ModelOpt multiplies by */
  divisor: { dtype: 'F32', bits: (random) => f32(between(random, 20000, 30000)) },
  factor: { dtype: 'F32', bits: (random) => f32(1 / between(random, 20000, 30000)) },
} as const satisfies Record<string, TileKind>;

export type TileName = keyof typeof KINDS;

export interface Tile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly elementBytes: number;
}

const made = new Map<TileName, Tile>();

export function tileOf(name: TileName): Tile {
  const tile = made.get(name) ?? makeTile(name);
  made.set(name, tile);
  return tile;
}

function makeTile(name: TileName): Tile {
  const { dtype, bits }: TileKind = KINDS[name];
  const elementBytes = DTYPE_BYTES[dtype];
  const bytes = new Uint8Array(ELEMENTS[elementBytes]! * elementBytes);
  const View = elementBytes === 4 ? Uint32Array : elementBytes === 2 ? Uint16Array : Uint8Array;
  const elements = new View(bytes.buffer);
  const random = generator(hash(name));
  for (let i = 0; i < elements.length; i++) elements[i] = bits(random);
  return { bytes, elementBytes };
}

/** 32 well-mixed bits of a text: FNV-1a, then an avalanche. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Uniform numbers in [0, 1), the same ones for the same seed. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let h = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
  };
}

function between(random: () => number, low: number, high: number): number {
  return low + (high - low) * random();
}

/** Box and Muller's method. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

function f32(value: number): number {
  float[0] = value;
  return word[0]!;
}

/** Cut off, not rounded: any value will do. */
function bf16(value: number): number {
  return f32(value) >>> 16;
}

/** Cut off to three bits of mantissa, at most 448; what is below the least normal number, 2^-6, becomes zero. */
function e4m3(value: number): number {
  const bits = f32(Math.min(448, Math.abs(value)));
  const exponent = (bits >>> 23) - 127 + 7;
  const magnitude = exponent < 1 ? 0 : (exponent << 3) | ((bits >>> 20) & 7);
  return magnitude | (value < 0 ? 0x80 : 0);
}
