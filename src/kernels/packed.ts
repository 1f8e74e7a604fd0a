/** The codecs of packed weights: parts of WGSL that make 8 weights of a row, over which the `*-packed` outlines run. */
import e4m3 from '../../shaders/shared/e4m3.wgsl?raw';
import int4Weights from '../../shaders/shared/int4-weights.wgsl?raw';
import affine from '../../shaders/shared/packed-affine.wgsl?raw';
import fp8 from '../../shaders/shared/packed-fp8.wgsl?raw';
import nf4 from '../../shaders/shared/packed-nf4.wgsl?raw';
import nvfp4 from '../../shaders/shared/packed-nvfp4.wgsl?raw';
import ordered from '../../shaders/shared/packed-ordered.wgsl?raw';
import scales from '../../shaders/shared/scales.wgsl?raw';

export type Codec = 'affine' | 'fp8' | 'nvfp4' | 'nf4' | 'ordered';

const PARTS: Readonly<Record<Codec, readonly string[]>> = {
  affine: [affine, scales],
  fp8: [fp8, e4m3, scales],
  nvfp4: [nvfp4, e4m3],
  nf4: [nf4],
  ordered: [ordered, int4Weights, scales],
};

/** Something for each codec, made of its name and its parts. */
export function perCodec<T>(make: (codec: Codec, parts: readonly string[]) => T): Readonly<Record<Codec, T>> {
  const made = Object.entries(PARTS).map(([codec, parts]) => [codec, make(codec as Codec, parts)]);
  return Object.fromEntries(made) as Record<Codec, T>;
}
