/**
 * What a ghost's files hold, byte by byte: a pure function of (tensor, offset). Weights are slices of tiles, rotated by a
 * hash of the tensor's name, so serving them costs nothing but handing out views.
 */
import { createHash } from 'node:crypto';
import { hash, type TileName, tileOf } from './tiles.ts';
import type { Fill, GhostFile, GhostSpec, GhostTensor } from './types.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Largest view handed out at once. */
const PIECE_BYTES = 1 << 20;

/**
 * Bytes [start, end) of a tensor as views of shared memory, which must not be written to.
 * @param revision another one gives other weights, as if the model had been uploaded again
 */
export function* tensorPieces(tensor: GhostTensor, start: number, end: number, revision = 0): Generator<Bytes> {
  const { fill } = tensor;
  if (typeof fill !== 'string') {
    yield literalBytes(fill).subarray(start, end);
    return;
  }
  const { bytes, elementBytes } = tileOf(fill);
  const elements = bytes.length / elementBytes;
  const rotation = (hash(`${tensor.name} ${revision}`) % elements) * elementBytes;
  for (let at = start; at < end; ) {
    const from = (rotation + at) % bytes.length;
    const length = Math.min(end - at, bytes.length - from, PIECE_BYTES);
    yield bytes.subarray(from, from + length);
    at += length;
  }
}

/** Bytes [start, end) of a file, as views of shared memory, which must not be written to. */
export function* filePieces(file: GhostFile, start: number, end: number, revision = 0): Generator<Bytes> {
  for (let i = segmentAt(file, start); i < file.segments.length && file.segments[i]!.start < end; i++) {
    const segment = file.segments[i]!;
    const from = Math.max(start, segment.start) - segment.start;
    const to = Math.min(end, segment.end) - segment.start;
    if (segment.content instanceof Uint8Array) yield segment.content.subarray(from, to);
    else yield* tensorPieces(segment.content, from, to, revision);
  }
}

/** Index of the segment that holds byte `at`. */
function segmentAt({ segments }: GhostFile, at: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (segments[middle]!.end <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Bytes [start, end) of a tensor, copied: what must have arrived. */
export function ghostTensorBytes(tensor: GhostTensor, start: number, end: number, revision = 0): Bytes {
  return join(tensorPieces(tensor, start, end, revision), end - start);
}

/** Bytes [start, end) of a file, copied. Throws a RangeError for a file or a range that the ghost does not have. */
export function ghostBytes(spec: GhostSpec, path: string, start: number, end: number, revision = 0): Bytes {
  const file = spec.files.get(path);
  if (!file || !(0 <= start && start <= end && end <= file.size)) {
    throw new RangeError(`${spec.name}: no bytes [${start}, ${end}) in ${path} (${file?.size ?? 'no such file'})`);
  }
  return join(filePieces(file, start, end, revision), end - start);
}

/** Of a whole file, 64 hex digits; about a second per gigabyte. */
export function ghostSha256(file: GhostFile, revision = 0): string {
  const digest = createHash('sha256');
  for (const piece of filePieces(file, 0, file.size, revision)) digest.update(piece);
  return digest.digest('hex');
}

function join(pieces: Iterable<Bytes>, length: number): Bytes {
  const joined = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

function literalBytes(fill: Exclude<Fill, TileName>): Bytes {
  if (fill.kind === 'int64') return new Uint8Array(BigInt64Array.from(fill.values.map(BigInt)).buffer);
  const { cols, groupSize } = fill;
  const step = coprime(cols);
  // A column's place in the shuffled order decides its group, so every group has exactly `groupSize` columns.
  const groups = Int32Array.from({ length: cols }, (_, col) => Math.floor(((col * step) % cols) / groupSize));
  return new Uint8Array(groups.buffer);
}

/** A number near 0.6 `size` without a common divisor with it, so that its multiples visit every place. */
function coprime(size: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  let step = Math.floor(size * 0.618) | 1;
  while (divisor(size, step) !== 1) step++;
  return step;
}
