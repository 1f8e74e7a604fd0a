/**
 * Randomness without state: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
 * A number depends only on (seed, choice, position), so the text of a seed is the same whatever the queue or run-ahead.
 */

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
const KEY_STEPS = [0x9e3779b9, 0xbb67ae85] as const;
const ROUNDS = 10;

type Block = readonly [number, number, number, number];

/** High and low 32 bits of an unsigned 32 x 32-bit product, which a double cannot hold. */
function multiply(a: number, b: number): readonly [high: number, low: number] {
  const product = BigInt(a) * BigInt(b);
  return [Number(product >> 32n), Number(product & 0xffffffffn)];
}

/**
 * The Philox4x32-10 bijection.
 * @param counter 4 words, u32
 * @param key 2 words, u32
 * @returns 4 random words, u32
 */
export function philox4x32(counter: Block, key: readonly [number, number]): Block {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const [high0, low0] = multiply(MULTIPLIERS[0], a);
    const [high1, low1] = multiply(MULTIPLIERS[1], c);
    [a, b, c, d] = [(high1 ^ b ^ k0) >>> 0, low1, (high0 ^ d ^ k1) >>> 0, low0];
    k0 = (k0 + KEY_STEPS[0]) >>> 0;
    k1 = (k1 + KEY_STEPS[1]) >>> 0;
  }
  return [a, b, c, d];
}

/**
 * Uniform in [0, 1), a multiple of 2^-24, so that it is exact in f32 (a double next to 1 would round up to 1).
 * @param seed any safe integer
 * @param choice index of the answer among a request's choices
 * @param position of the token being chosen
 */
export function uniform(seed: number, choice: number, position: number): number {
  const key = [seed >>> 0, Math.floor(seed / 0x1_0000_0000) >>> 0] as const;
  return (philox4x32([position >>> 0, choice >>> 0, 0, 0], key)[0] >>> 8) / 0x100_0000;
}

/** A seed for a request that names none. [0, 2^53) */
export function drawSeed(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high! >>> 11) * 0x1_0000_0000 + low!;
}
