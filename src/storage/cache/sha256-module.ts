/**
 * A WebAssembly module that takes blocks into a SHA-256 (FIPS 180-4), assembled here: the 64 rounds written out, while vector
 * instructions compute the message schedule four words at a time. The rounds depend on one another, so the schedule of later
 * ones fills the gaps between them. CPU seconds per GB in V8 on a 2-core machine: hash-wasm 4.35, this 2.45.
 */

/** Memory, in bytes: the eight words of the hash, the schedule with the rounds' constants added, the constants, the data. */
const HASH_AT = 0;
const SCHEDULE_AT = 64;
const CONSTANTS_AT = 512;
/** Where data begins that is to be taken in. */
export const DATA_AT = 1024;
const PAGES = 2;
/** Room for data. */
export const DATA_BYTES = PAGES * 65536 - DATA_AT;
export const BLOCK_BYTES = 64;

/** What the module exports. */
export interface Sha256Exports {
  readonly memory: WebAssembly.Memory;
  /** Takes in whole blocks, at least one: bytes [start, end) of the memory. */
  readonly take: (start: number, end: number) => void;
}

const I32 = 0x7f;
const V128 = 0x7b;
/** Locals: two parameters, the hash's words a to h, two words more, then vectors. */
const START = 0;
const END = 1;
const WORDS = 2;
const SUM = 10;
const A_XOR_B = 11;
const B_XOR_C = 12;
const QUADS = 13;
const SHIFTED = 17;
const PAIR = 18;
const SIGMA = 19;

/** One byte order to the other, in each of four words. */
const SWAP = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];

const { floor } = Math;

/** Fractional parts of the roots of the first primes, 32 bits of each. */
function fractions(count: number, root: (prime: number) => number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes.map((prime) => floor((root(prime) % 1) * 2 ** 32));
}

/** The hash of no blocks. */
export const INITIAL_HASH: readonly number[] = fractions(8, Math.sqrt);

/** @returns `n`, at least 0, in LEB128 */
function unsigned(n: number): number[] {
  return n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)];
}

/** @returns a 32-bit `n` in signed LEB128 */
function signed(n: number): number[] {
  return n >= -64 && n < 64 ? [n & 127] : [(n & 127) | 128, ...signed(n >> 7)];
}

const get = (local: number) => [0x20, ...unsigned(local)];
const set = (local: number) => [0x21, ...unsigned(local)];
const tee = (local: number) => [0x22, ...unsigned(local)];
const constant = (n: number) => [0x41, ...signed(n)];
const load = (at: number) => [...constant(0), 0x28, 2, ...unsigned(at)];
/** Of the address and the word on the stack. */
const store = (at: number) => [0x36, 2, ...unsigned(at)];
const ADD = 0x6a;
const AND = 0x71;
const XOR = 0x73;
const rotateRight = (bits: number) => [...constant(bits), 0x78];

const vector = (op: number, ...immediates: number[]) => [0xfd, ...unsigned(op), ...immediates];
const loadQuad = (at: number) => vector(0, 4, ...unsigned(at));
const storeQuad = (at: number) => vector(11, 4, ...unsigned(at));
const shuffleBytes = (lanes: readonly number[]) => vector(13, ...lanes);
/** Four words of two vectors: those of the first are 0 to 3, of the second 4 to 7. */
const shuffle = (...words: number[]) => shuffleBytes(words.flatMap((word) => [0, 1, 2, 3].map((i) => 4 * word + i)));
const ADD_QUADS = vector(174);
const XOR_QUADS = vector(81);
const OR_QUADS = vector(80);
const shiftLeft = (bits: number) => [...constant(bits), ...vector(171)];
const shiftRight = (bits: number) => [...constant(bits), ...vector(173)];
const shiftPairsRight = (bits: number) => [...constant(bits), ...vector(205)];

/** Words 4 * quad to 4 * quad + 3 of the schedule, from the sixteen before; the last four quads are kept, in turn. */
function schedule(quad: number): number[] {
  const [q0, q1, q2, q3] = [0, 1, 2, 3].map((i) => QUADS + ((quad + i) % 4)) as [number, number, number, number];
  const rotated = (bits: number) => [
    ...[...get(SHIFTED), ...shiftRight(bits)],
    ...[...get(SHIFTED), ...shiftLeft(32 - bits), ...OR_QUADS],
  ];
  // Each of two words twice in 64 bits: a shift is a rotation there, for the lower one.
  const sigma1 = [
    ...[...get(PAIR), ...shiftPairsRight(17), ...get(PAIR), ...shiftPairsRight(19), ...XOR_QUADS],
    ...[...get(PAIR), ...shiftRight(10), ...XOR_QUADS, ...tee(SIGMA), ...get(SIGMA), ...shuffle(0, 2, 0, 2)],
  ];
  return [
    ...[...get(q0), ...get(q1), ...shuffle(1, 2, 3, 4), ...set(SHIFTED)],
    ...[...rotated(7), ...rotated(18), ...XOR_QUADS, ...get(SHIFTED), ...shiftRight(3), ...XOR_QUADS],
    ...[...get(q0), ...ADD_QUADS, ...get(q2), ...get(q3), ...shuffle(1, 2, 3, 4), ...ADD_QUADS, ...set(SHIFTED)],
    // The first two words need the last two of before, the other two need the first two.
    ...[...get(q3), ...get(q3), ...shuffle(2, 2, 3, 3), ...set(PAIR)],
    ...[...get(SHIFTED), ...sigma1, ...ADD_QUADS, ...tee(q0)],
    ...[...get(q0), ...shuffle(0, 0, 1, 1), ...set(PAIR)],
    ...[...get(q0), ...get(SHIFTED), ...sigma1, ...ADD_QUADS, ...shuffle(0, 1, 6, 7), ...set(q0)],
  ];
}

/** A quad of the schedule, and what the rounds add to it, to where the rounds find it. */
function keep(quad: number): number[] {
  const sum = [...get(QUADS + (quad % 4)), ...constant(0), ...loadQuad(CONSTANTS_AT + 16 * quad), ...ADD_QUADS];
  return [...constant(0), ...sum, ...storeQuad(SCHEDULE_AT + 16 * quad)];
}

/** The words change their names instead of their places. */
function round(i: number): number[] {
  const [a, b, , d, e, f, g, h] = [...Array(8).keys()].map((j) => WORDS + ((j - i + 64) % 8)) as number[] & {
    length: 8;
  };
  /** Three rotations in one go: by the last number, by that and the one before, and by all three. */
  const sigma = (word: number, [x, y, z]: readonly [number, number, number]) => [
    ...[...get(word), ...rotateRight(x), ...get(word), XOR],
    ...[...rotateRight(y), ...get(word), XOR, ...rotateRight(z)],
  ];
  return [
    ...[...get(h!), ...load(SCHEDULE_AT + 4 * i), ADD],
    ...[...get(g!), ...get(e!), ...get(f!), ...get(g!), XOR, AND, XOR, ADD], // e chooses between f and g
    ...[...sigma(e!, [14, 5, 6]), ADD, ...set(SUM)],
    ...[...get(d!), ...get(SUM), ADD, ...set(d!)],
    // The majority of a, b and c; what a and b differ in is what b and c differ in next time.
    ...[...get(SUM), ...get(b!), ...get(a!), ...get(b!), XOR, ...tee(A_XOR_B), ...get(B_XOR_C), AND, XOR, ADD],
    ...[...get(A_XOR_B), ...set(B_XOR_C)],
    ...[...sigma(a!, [9, 11, 2]), ADD, ...set(h!)],
  ];
}

function takeCode(): number[] {
  const words = [...Array(8).keys()];
  const quads = [...Array(16).keys()];
  return [
    ...words.flatMap((i) => [...load(HASH_AT + 4 * i), ...set(WORDS + i)]),
    ...[0x03, 0x40], // loop
    ...quads.slice(0, 4).flatMap((quad) => {
      const data = [...get(START), ...loadQuad(16 * quad)];
      return [...data, ...data, ...shuffleBytes(SWAP), ...set(QUADS + quad), ...keep(quad)];
    }),
    ...[...get(WORDS + 1), ...get(WORDS + 2), XOR, ...set(B_XOR_C)],
    ...quads.flatMap((quad) => [
      ...(quad < 12 ? [...schedule(quad + 4), ...keep(quad + 4)] : []),
      ...[0, 1, 2, 3].flatMap((i) => round(4 * quad + i)),
    ]),
    ...words.flatMap((i) => {
      const sum = [...get(WORDS + i), ...load(HASH_AT + 4 * i), ADD, ...tee(WORDS + i)];
      return [...constant(0), ...sum, ...store(HASH_AT + 4 * i)];
    }),
    ...[...get(START), ...constant(BLOCK_BYTES), ADD, ...tee(START), ...get(END), 0x49, 0x0d, 0], // again below END
    ...[0x0b, 0x0b],
  ];
}

const list = (items: readonly (readonly number[])[]) => [...unsigned(items.length), ...items.flat()];
const sized = (bytes: readonly number[]) => [...unsigned(bytes.length), ...bytes];
const section = (id: number, items: readonly (readonly number[])[]) => [id, ...sized(list(items))];
const name = (text: string) => sized([...new TextEncoder().encode(text)]);

/** @returns the module's bytes; its exports are `Sha256Exports` */
export function assembleSha256(): Uint8Array<ArrayBuffer> {
  const constants = new Uint8Array(new Uint32Array(fractions(64, Math.cbrt)).buffer);
  const locals = list([
    [QUADS - WORDS, I32],
    [SIGMA + 1 - QUADS, V128],
  ]);
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [[0x60, 2, I32, I32, 0]]),
    ...section(3, [[0]]),
    ...section(5, [[0, PAGES]]),
    ...section(7, [
      [...name('memory'), 2, 0],
      [...name('take'), 0, 0],
    ]),
    ...section(10, [sized([...locals, ...takeCode()])]),
    ...section(11, [[0, ...constant(CONSTANTS_AT), 0x0b, ...sized([...constants])]]),
  ]);
}
