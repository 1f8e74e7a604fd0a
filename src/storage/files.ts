/** A model folder as a list of `File`s: from a file picker (with or without folders) or a drop. */
import { OutriderError } from '../errors.ts';
import { checkRange, type ModelSource, type ReadOptions, throwIfAborted } from './source.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const PIECE_BYTES = 1 << 20;

/**
 * Files are found by their path relative to the folder of `config.json`, or by name where the list has no folders.
 * Throws `model_not_found` where no `config.json` is in the list, or where two are equally near.
 */
export function createFilesSource(files: readonly File[]): ModelSource {
  const byPath = indexFiles(files);
  const find = (path: string): File => {
    const file = byPath.get(path);
    if (file !== undefined) return file;
    throw new OutriderError('model_not_found', `${path} is not among the ${files.length} files. Add it.`, {
      details: { file: path, files: files.length },
    });
  };
  return {
    label: `${files.length} files`,
    async stat(path, { signal } = {}) {
      throwIfAborted(signal);
      const file = byPath.get(path);
      return file && { size: file.size, version: String(file.lastModified) };
    },
    read: async (path, start, end, options = {}) => readSlice(sliceOf(find(path), path, start, end), path, options),
    async *stream(path, start, end, options = {}) {
      yield* streamSlice(sliceOf(find(path), path, start, end), path, options);
    },
  };
}

function indexFiles(files: readonly File[]): Map<string, File> {
  const pathOf = (file: File): string => file.webkitRelativePath || file.name;
  const depthOf = (path: string): number => path.split('/').length;
  const configs = files.map(pathOf).filter((path) => path === 'config.json' || path.endsWith('/config.json'));
  const nearest = Math.min(...configs.map(depthOf));
  const roots = configs.filter((path) => depthOf(path) === nearest);
  if (roots.length !== 1) {
    const found = roots.length === 0 ? 'no config.json' : `${roots.length} folders with a config.json`;
    throw new OutriderError(
      'model_not_found',
      `${found} among the ${files.length} files. Choose all files of one model folder.`,
      { details: { files: files.length, configs: roots } },
    );
  }
  const root = roots[0]!.slice(0, -'config.json'.length);
  const inside = files.filter((file) => pathOf(file).startsWith(root));
  return new Map(inside.map((file) => [pathOf(file).slice(root.length), file]));
}

function sliceOf(file: File, path: string, start: number, end: number): Blob {
  checkRange(path, start, end);
  if (end <= file.size) return file.slice(start, end);
  throw new OutriderError('network_error', `${path} has ${file.size} bytes; ${end} were asked for. Choose it again.`, {
    details: { file: path, size: file.size, end },
  });
}

/** In slices of our own: a browser may hand a stream's bytes out in pieces of any size, the whole file included. */
async function* streamSlice(slice: Blob, path: string, options: ReadOptions): AsyncGenerator<Bytes> {
  for (let at = 0; at < slice.size; at += PIECE_BYTES) {
    yield await readSlice(slice.slice(at, at + PIECE_BYTES), path, options);
  }
}

/** A file that changed or vanished since it was chosen cannot be read any more. */
async function readSlice(slice: Blob, path: string, { signal }: ReadOptions): Promise<Bytes> {
  throwIfAborted(signal);
  let bytes: ArrayBuffer;
  try {
    bytes = await slice.arrayBuffer();
  } catch (cause) {
    const message = `${path} could not be read: it changed or moved since it was chosen. Choose it again.`;
    throw new OutriderError('network_error', message, { cause, details: { file: path } });
  }
  throwIfAborted(signal);
  return new Uint8Array(bytes);
}
