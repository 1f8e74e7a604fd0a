/** A model folder on disk, under Node. Only ever imported dynamically: browsers have no `node:fs`. */
import type { Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OutriderError } from '../errors.ts';
import { joinParts, streamParts } from './parts.ts';
import { checkRange, type ModelSource, throwIfAborted } from './source.ts';

type Bytes = Uint8Array<ArrayBuffer>;
type Version = Pick<Stats, 'size' | 'mtimeMs'>;

/** Parts read ahead of the consumer. */
const PARALLEL = 2;
const WINDOW = 3;

/** @param location path or `file:` URL of the folder. Throws `model_not_found` where there is none. */
export async function createNodeSource(location: string): Promise<ModelSource> {
  const folder = location.startsWith('file:') ? fileURLToPath(location) : location;
  const facts = await stat(folder).catch(() => undefined);
  if (!facts?.isDirectory()) {
    throw new OutriderError('model_not_found', `${folder} is not a folder. Check the path of the model's folder.`, {
      details: { folder },
    });
  }
  const seen = new Map<string, Version>();
  const stream: ModelSource['stream'] = async function* (path, start, end, { signal } = {}) {
    checkRange(path, start, end);
    throwIfAborted(signal);
    const file = await openFile(folder, path);
    try {
      const before = seen.get(path) ?? (await file.stat());
      seen.set(path, before);
      const readPart = async (from: number, to: number): Promise<Bytes> => {
        const bytes = await readFully(file, from, to);
        checkUnchanged(folder, path, before, await file.stat());
        if (bytes.length === to - from) return bytes;
        throw truncated(folder, path, from + bytes.length, end);
      };
      yield* streamParts(readPart, start, end, { parallel: PARALLEL, window: WINDOW, signal });
    } finally {
      await file.close();
    }
  };
  return {
    label: folder,
    async stat(path, { signal } = {}) {
      throwIfAborted(signal);
      const file = await stat(join(folder, path)).catch((error) => ignoreMissing(error, path));
      if (!file?.isFile()) return undefined;
      if (!seen.has(path)) seen.set(path, file);
      return { size: file.size, version: String(file.mtimeMs) };
    },
    read: (path, start, end, options) => joinParts(stream(path, start, end, options), end - start),
    stream,
  };
}

/** Fewer bytes where the file ends. */
async function readFully(file: FileHandle, start: number, end: number): Promise<Bytes> {
  const bytes = new Uint8Array(end - start);
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return bytes.subarray(0, at);
}

async function openFile(folder: string, path: string): Promise<FileHandle> {
  try {
    return await open(join(folder, path), 'r');
  } catch (cause) {
    const message = `${join(folder, path)} could not be opened. Check that the model's folder is complete.`;
    throw new OutriderError('model_not_found', message, { cause, details: { file: path } });
  }
}

function checkUnchanged(folder: string, path: string, before: Version, now: Version): void {
  if (before.size === now.size && before.mtimeMs === now.mtimeMs) return;
  const describe = ({ size, mtimeMs }: Version) => `${size} bytes of ${new Date(mtimeMs).toISOString()}`;
  const [a, b] = [describe(before), describe(now)];
  const message = `${join(folder, path)} changed while it was read: from ${a} to ${b}. Load again.`;
  throw new OutriderError('source_changed', message, { details: { file: path, before: a, now: b } });
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
