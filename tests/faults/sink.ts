/** A sink that compares: every byte that would reach the GPU, as digests per buffer. In pages and under Node. */
import type { Piece } from '../../src/model/pieces.ts';
import type { ModelReader, ReadAbort } from '../../src/model/reader.ts';

/** As the bindings of a small adapter: matrices are cut over several buffers. */
const MAX_BUFFER_BYTES = 256 << 10;
const MAX_TEXT_BYTES = 1 << 20;
/** What an engine reads beside the weights. */
const TEXTS = ['tokenizer.json', 'generation_config.json', 'tokenizer_config.json', 'chat_template.jinja'];

/** Name of a text or a buffer -> SHA-256 of its bytes. */
export type Digests = ReadonlyMap<string, string>;

export interface LoadOptions extends ReadAbort {
  readonly maxBytes?: number | undefined;
  /** Told how many bytes of the weights have come, of how many. */
  readonly onProgress?: ((loaded: number, total: number) => void) | undefined;
}

/** Loads as `src/model/load.ts` does, but into digests: texts, pieces, completion; pieces again where hashes say so. */
export async function loadDigests(
  reader: ModelReader,
  { maxBytes = MAX_BUFFER_BYTES, onProgress, ...options }: LoadOptions = {},
): Promise<Digests> {
  await reader.inspect(options);
  const digests = new Map<string, string>();
  for (const path of TEXTS) {
    const text = await reader.readText(path, MAX_TEXT_BYTES, options);
    digests.set(path, text === undefined ? 'absent' : await digestOf(new TextEncoder().encode(text)));
  }
  const { buffers, bytes } = await reader.layOut({ maxBytes });
  const gpu = buffers.map(({ size }) => new Uint8Array(size));
  for (let isReplaced = true, fills = 0; isReplaced; fills++) {
    if (fills === 3) throw new Error('the pieces were replaced three times');
    isReplaced = false;
    for await (const piece of reader.pieces(options)) {
      write(piece, gpu);
      onProgress?.(piece.loaded, bytes);
    }
    for await (const { phase } of reader.complete(options)) isReplaced ||= phase === 'replaced';
  }
  for (const [i, { label }] of buffers.entries()) digests.set(`${i} ${label}`, await digestOf(gpu[i]!));
  return digests;
}

function write({ blobs, writes }: Piece, gpu: readonly Uint8Array[]): void {
  for (const one of writes) {
    if (one.kind === 'band') throw new Error('int4 weights are written as they are');
    gpu[one.buffer]!.set(new Uint8Array(blobs[one.blob]!, one.at, one.length), one.offset);
  }
}

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
