/** A model folder on disk, under Node. Only ever imported dynamically: browsers have no `node:fs`. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OutriderError } from '../errors.ts';
import { checkRange, type ModelSource, type ReadOptions, throwIfAborted } from './source.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const PIECE_BYTES = 1 << 20;

/** @param location path or `file:` URL of the folder. Throws `model_not_found` where there is none. */
export async function createNodeSource(location: string): Promise<ModelSource> {
  const folder = location.startsWith('file:') ? fileURLToPath(location) : location;
  const facts = await stat(folder).catch(() => undefined);
  if (!facts?.isDirectory()) {
    throw new OutriderError('model_not_found', `${folder} is not a folder. Check the path of the model's folder.`, {
      details: { folder },
    });
  }
  return {
    label: folder,
    async stat(path, { signal } = {}) {
      throwIfAborted(signal);
      const file = await stat(join(folder, path)).catch((error) => ignoreMissing(error, path));
      return file?.isFile() ? { size: file.size, version: String(file.mtimeMs) } : undefined;
    },
    async read(path, start, end, options = {}) {
      const bytes = new Uint8Array(end - start);
      let at = 0;
      for await (const piece of streamFile(folder, path, start, end, options)) {
        bytes.set(piece, at);
        at += piece.length;
      }
      return bytes;
    },
    stream: (path, start, end, options = {}) => streamFile(folder, path, start, end, options),
  };
}

async function* streamFile(
  folder: string,
  path: string,
  start: number,
  end: number,
  { signal }: ReadOptions,
): AsyncGenerator<Bytes> {
  checkRange(path, start, end);
  throwIfAborted(signal);
  const file = await openFile(folder, path);
  try {
    for (let at = start; at < end; ) {
      throwIfAborted(signal);
      const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at));
      const { bytesRead } = await file.read(piece, 0, piece.length, at);
      if (bytesRead === 0) throw truncated(folder, path, at, end);
      yield piece.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}

async function openFile(folder: string, path: string): Promise<FileHandle> {
  try {
    return await open(join(folder, path), 'r');
  } catch (cause) {
    const message = `${join(folder, path)} could not be opened. Check that the model's folder is complete.`;
    throw new OutriderError('model_not_found', message, { cause, details: { file: path } });
  }
}

function truncated(folder: string, path: string, size: number, end: number): OutriderError {
  return new OutriderError('network_error', `${join(folder, path)} ends at byte ${size}; ${end} were asked for.`, {
    details: { file: path, size, end },
  });
}

function ignoreMissing(cause: NodeJS.ErrnoException, path: string): undefined {
  if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return undefined;
  throw new OutriderError('network_error', `${path} could not be looked at: ${cause.message}`, {
    cause,
    details: { file: path },
  });
}
