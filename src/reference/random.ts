/** Seeded random data for the cases: the same on every machine, cheap enough for a 5120 x 5120 matrix. */
export interface Random {
  /** 32 random bits. */
  bits(): number;
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Integer in 0 .. below - 1. */
  below(below: number): number;
  /** Normal with deviation 1. */
  normal(): number;
  /** [count] normal values times `deviation`, rounded to f32. */
  normals(count: number, deviation?: number): Float32Array;
  /** [count] words of random bits. */
  words(count: number): Uint32Array;
}

/** Mulberry32 from a seed, which may be a case's name. */
export function seeded(seed: string): Random {
  let state = [...seed].reduce((hash, letter) => Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193), 0x811c9dc5);
  const bits = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const uniform = () => bits() / 2 ** 32;
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return {
    bits,
    uniform,
    below: (below) => Math.floor(uniform() * below),
    normal,
    normals: (count, deviation = 1) => new Float32Array(count).map(() => normal() * deviation),
    words: (count) => new Uint32Array(count).map(bits),
  };
}
