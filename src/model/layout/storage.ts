/** Which storage kind of the GPU a matrix gets: its file's own, or what it is quantized to while loading. */
import type { Matrix } from '../../checkpoint/model-tensors.ts';
import { OutriderError } from '../../errors.ts';
import type { FloatDtype, Storage } from '../../kernels/matrix.ts';

/** What a buffer's bytes count as in a plan. */
export type WeightClass =
  | 'embedding'
  | 'attention'
  | 'norms'
  | 'router'
  | 'routed experts'
  | 'shared experts'
  | 'dense layers'
  | 'head';

/** What float matrices of the backbone (attention, embedding, head) become: int8 is affine, with groups of 128. */
export type Recipe = 'as-stored' | 'int8-backbone';

/** Lossy choices; the defaults keep every bit of the file. */
export interface Requantization {
  /** Float matrices of the feed-forward layers become int4, as `npm run convert` makes them. */
  readonly quantizeOnLoad?: 'int4' | undefined;
  readonly recipe?: Recipe | undefined;
}

/** Whether no matrix becomes another. */
export const keepsAll = ({ quantizeOnLoad, recipe = 'as-stored' }: Requantization): boolean =>
  quantizeOnLoad === undefined && recipe === 'as-stored';

const FEED_FORWARD: readonly WeightClass[] = ['routed experts', 'shared experts', 'dense layers'];
const BACKBONE: readonly WeightClass[] = ['embedding', 'attention', 'head'];
const GROUP_SIZES = [128, 64, 32];

/** The one storage of matrices that lie in one blob. Throws `quantization_unsupported` where they differ. */
export function storageOf(
  label: string,
  weightClass: WeightClass,
  matrices: readonly Matrix[],
  options: Requantization,
): Storage {
  const first = matrices[0]!;
  const requantized = requantize(weightClass, matrices, options);
  if (requantized) return requantized;
  const storage = storedAs(first);
  const other = matrices.find((matrix) => JSON.stringify(storedAs(matrix)) !== JSON.stringify(storage));
  if (other) {
    throw new OutriderError(
      'quantization_unsupported',
      `${label}: its parts are stored differently (${JSON.stringify(storage)} and ${JSON.stringify(storedAs(other))}); they must agree. Convert the checkpoint again with all quantized, or all ignored.`,
    );
  }
  const divided = matrices.some((matrix) => matrix.kind === 'int4' && matrix.divisor);
  return divided && storage.kind === 'int4' ? { ...storage, scale: 'F32' } : storage;
}

/** Undefined: kept as it is. Columns that no group size divides stay floats. */
function requantize(
  weightClass: WeightClass,
  matrices: readonly Matrix[],
  { quantizeOnLoad, recipe }: Requantization,
): Storage | undefined {
  if (!matrices.every(({ kind }) => kind === 'float')) return undefined;
  const groupSize = GROUP_SIZES.find((size) => matrices[0]!.cols % size === 0);
  if (groupSize === undefined) return undefined;
  if (quantizeOnLoad === 'int4' && FEED_FORWARD.includes(weightClass))
    return { kind: 'int4', groupSize, scale: 'BF16', asymmetric: false, ordered: false };
  if (recipe === 'int8-backbone' && BACKBONE.includes(weightClass))
    return { kind: 'affine', bits: 8, groupSize, scale: 'BF16' };
  return undefined;
}

function storedAs(matrix: Matrix): Storage {
  switch (matrix.kind) {
    case 'float':
      return { kind: 'float', element: matrix.dtype };
    case 'int4': {
      const { groupSize, scales, zeroPoints, groupIndex } = matrix;
      const scale = scales.dtype as FloatDtype;
      return {
        kind: 'int4',
        groupSize,
        scale,
        asymmetric: zeroPoints !== undefined,
        ordered: groupIndex !== undefined,
      };
    }
    case 'affine':
      return {
        kind: 'affine',
        bits: matrix.bits,
        groupSize: matrix.groupSize,
        scale: matrix.scales.dtype as FloatDtype,
      };
    case 'fp8':
      return { kind: 'fp8', groupSize: matrix.block.cols, scale: matrix.scales.dtype as FloatDtype };
    default:
      return { kind: matrix.kind };
  }
}
