/**
 * The head of a safetensors file: 8 bytes with the length N of the JSON (u64, little-endian), N bytes of JSON, then the
 * tensors' bytes without gaps. Treated as hostile input: everything is checked before anything is allocated for it.
 */
import { OutriderError } from '../errors.ts';
import { duplicateKey } from './duplicate-key.ts';
import { isObject, parseJson } from './json.ts';
import { DTYPE_BYTES, isDtype, type Tensor } from './tensor.ts';

/** Bytes before the JSON. */
export const PREFIX_BYTES = 8;

/**
 * Largest JSON that is parsed. Maverick with un-fused int4 experts, the largest known, has 5 MB; the format's own limit
 * of 100 MB would take over a gigabyte of heap once parsed.
 */
export const MAX_HEADER_BYTES = 25_000_000;

export interface FileFacts {
  /** Path inside the model's folder. */
  readonly file: string;
  /** Bytes. */
  readonly fileSize: number;
}

/**
 * Length of the JSON in bytes.
 * @param bytes the file from its first byte, 8 at least
 */
export function headerLength(bytes: Uint8Array, { file, fileSize }: FileFacts): number {
  if (fileSize < PREFIX_BYTES || bytes.length < PREFIX_BYTES) {
    throw invalid(file, `has ${fileSize} bytes, too few for a safetensors file. Download it again.`, { fileSize });
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, PREFIX_BYTES).getBigUint64(0, true);
  if (length > BigInt(fileSize - PREFIX_BYTES)) {
    throw invalid(
      file,
      `says that its header has ${length} bytes, but the file has ${fileSize} in all. ` +
        'It is not a safetensors file, or the download is incomplete.',
      { headerLength: String(length), fileSize },
    );
  }
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw invalid(file, `has a header of ${length} bytes; at most ${MAX_HEADER_BYTES} are read.`, {
      headerLength: Number(length),
      maxHeaderLength: MAX_HEADER_BYTES,
    });
  }
  return Number(length);
}

/**
 * The tensors of one file, ordered by their place in it. Throws `checkpoint_invalid` for anything that the format does
 * not allow: the ranges must tile the bytes after the header exactly, each as long as dtype and shape say, each aligned.
 * @param bytes the file from its first byte to the end of the JSON, or further
 */
export function parseHeader(bytes: Uint8Array, facts: FileFacts): Tensor[] {
  const { file, fileSize } = facts;
  const length = headerLength(bytes, facts);
  const dataStart = PREFIX_BYTES + length;
  if (bytes.length < dataStart) {
    throw new RangeError(`${file}: parseHeader got ${bytes.length} bytes of a head of ${dataStart}`);
  }
  const header = parseHeaderJson(bytes.subarray(PREFIX_BYTES, dataStart), file);
  const tensors: Tensor[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') checkMetadata(entry, file);
    else tensors.push(parseTensor(name, entry, { file, dataStart, dataBytes: fileSize - dataStart }));
  }
  tensors.sort((a, b) => a.start - b.start || a.end - b.end);
  checkTiling(tensors, { file, dataStart, fileSize });
  return tensors;
}

function parseHeaderJson(bytes: Uint8Array, file: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw invalid(file, 'has a header that is not UTF-8.', {}, cause);
  }
  const header = parseJson(text, `${file} (header)`);
  if (!isObject(header)) throw invalid(file, 'has a header that is not a JSON object.');
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined) throw invalid(file, `has the name "${duplicate}" twice in its header.`, { duplicate });
  return header;
}

function checkMetadata(metadata: unknown, file: string): void {
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== 'string')) {
    throw invalid(file, 'has a "__metadata__" that is not an object of strings.');
  }
}

function parseTensor(
  name: string,
  entry: unknown,
  { file, dataStart, dataBytes }: { file: string; dataStart: number; dataBytes: number },
): Tensor {
  const fail = (what: string): OutriderError => invalid(file, `tensor "${name}" ${what}`, { tensor: name });
  if (!isObject(entry)) throw fail('is not described by an object.');
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isDtype(dtype)) {
    throw fail(`has dtype ${show(dtype)}; known are ${Object.keys(DTYPE_BYTES).join(', ')}.`);
  }
  if (!isSizeList(shape)) throw fail(`has shape ${show(shape)}, which is not a list of non-negative integers.`);
  if (!isSizeList(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw fail(`has data_offsets ${show(offsets)}, which are not [begin, end].`);
  }
  const [begin, end] = offsets as [number, number];
  if (end > dataBytes) {
    throw fail(
      `ends at byte ${dataStart + end}, but the file has ${dataStart + dataBytes}. ` +
        'The download is incomplete, or the header is wrong: download the file again.',
    );
  }
  const needed = byteLength(shape, DTYPE_BYTES[dtype]);
  if (needed !== end - begin) {
    throw fail(
      `has ${end - begin} bytes, but ${dtype} ${show(shape)} needs ${needed ?? 'more than can be addressed'}.`,
    );
  }
  if (begin % DTYPE_BYTES[dtype] !== 0) {
    throw fail(
      `begins at byte ${begin} of the data, which is not a multiple of ${dtype}'s ${DTYPE_BYTES[dtype]} bytes.`,
    );
  }
  return { name, dtype, shape, file, start: dataStart + begin, end: dataStart + end };
}

/** Every byte after the header belongs to exactly one tensor, as in the format's own library. */
function checkTiling(
  tensors: readonly Tensor[],
  { file, dataStart, fileSize }: FileFacts & { readonly dataStart: number },
): void {
  let covered = dataStart;
  for (const { name, start, end } of tensors) {
    if (start < covered) {
      const others = `overlaps the one before it, which ends at byte ${covered}`;
      throw invalid(file, `tensor "${name}" begins at byte ${start} and ${others}.`, { tensor: name });
    }
    if (start > covered) {
      const hole = `bytes ${covered} to ${start}, before tensor "${name}",`;
      throw invalid(file, `${hole} belong to no tensor.`, { tensor: name });
    }
    covered = end;
  }
  if (covered !== fileSize) {
    throw invalid(file, `has ${fileSize} bytes, but its tensors end at byte ${covered}.`, { fileSize, end: covered });
  }
}

/** Undefined where the product is no safe integer. */
function byteLength(shape: readonly number[], elementBytes: number): number | undefined {
  if (shape.includes(0)) return 0; // before a product like 2^60 * 0 could look unsafe
  let bytes = elementBytes;
  for (const size of shape) {
    bytes *= size;
    if (!Number.isSafeInteger(bytes)) return undefined;
  }
  return bytes;
}

function isSizeList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** Short JSON for messages, whatever a hostile file holds. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

function invalid(file: string, what: string, details = {}, cause?: unknown): OutriderError {
  return new OutriderError('checkpoint_invalid', `${file}: ${what}`, { cause, details: { file, ...details } });
}
