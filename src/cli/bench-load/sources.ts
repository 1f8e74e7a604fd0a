/** Sources made for measuring: weights from memory, hashes that are promised, hashes of what passes. */
import { OutriderError } from '../../errors.ts';
import type { FileHasher, HasherPool } from '../../storage/cache/hasher.ts';
import { cutParts, PART_BYTES } from '../../storage/parts.ts';
import type { ModelSource } from '../../storage/source.ts';
import type { StageRequest } from './types.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Finite as a float of any width. */
const FILL = 0x3c;

const isWeights = (path: string) => path.endsWith('.safetensors');

/** Headers are read as they are; what is streamed of weights is one part over and over. Its pieces may not be transferred. */
export function weightsFromMemory(source: ModelSource): ModelSource {
  const part = new Uint8Array(PART_BYTES).fill(FILL);
  return {
    ...source,
    id: undefined,
    async *stream(path, start, end, options) {
      if (!isWeights(path)) return yield* source.stream(path, start, end, options);
      for (const { start: from, end: to } of cutParts(start, end)) yield part.subarray(0, to - from);
    },
  };
}

/** The source, with the hashes that the request knows. */
export function withPromisedHashes(source: ModelSource, files: StageRequest['files']): ModelSource {
  const promised = new Map(files.map(({ path, sha256 }) => [path, sha256]));
  return {
    ...source,
    async stat(path, options) {
      const facts = await source.stat(path, options);
      return facts && { ...facts, sha256: promised.get(path) };
    },
  };
}

/**
 * Hashes weight files while they are streamed from their beginning to their end, piece by piece in order.
 * @throws OutriderError `checksum_mismatch`
 */
export function withHashing(source: ModelSource, pool: HasherPool, files: StageRequest['files']): ModelSource {
  const promised = new Map(files.map((file) => [file.path, file]));
  const open = new Map<string, { readonly hasher: FileHasher; position: number }>();
  return {
    ...source,
    async *stream(path, start, end, options) {
      const file = promised.get(path);
      if (!file) return yield* source.stream(path, start, end, options);
      const state = open.get(path) ?? { hasher: pool.create(), position: 0 };
      open.set(path, state);
      // The header and gaps between tensors are not streamed; they belong to the file's hash all the same.
      if (start > state.position) await state.hasher.update(await source.read(path, state.position, start, options));
      state.position = start;
      let hashing: Promise<Bytes> | undefined; // while the next one comes
      for await (const bytes of source.stream(path, start, end, options)) {
        const before = hashing;
        state.position += bytes.length;
        hashing = state.hasher.update(bytes);
        hashing.catch(() => {}); // thrown when it is waited for
        if (before) yield await before;
      }
      if (hashing) yield await hashing;
      if (state.position === file.size) checkHash(path, await state.hasher.digest(), file.sha256);
    },
  };
}

function checkHash(path: string, found: string, expected: string | undefined): void {
  if (expected === undefined || found === expected) return;
  const message = `${path} has the SHA-256 ${found}; ${expected} was promised. The load is broken: run its tests.`;
  throw new OutriderError('checksum_mismatch', message, { details: { file: path, found, expected } });
}
