/** A model folder as a list of `File`s: from a file picker (with or without folders) or a drop. */
import { OutriderError } from '../errors.ts';
import { abortError, checkRange, type ModelSource, type ReadOptions, throwIfAborted } from './source.ts';

type Bytes = Uint8Array<ArrayBuffer>;

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
    async size(path, { signal } = {}) {
      throwIfAborted(signal);
      return byPath.get(path)?.size;
    },
    async read(path, start, end, options = {}) {
      const slice = sliceOf(find(path), path, start, end);
      return readSlice(path, options, async () => new Uint8Array(await slice.arrayBuffer()));
    },
    stream: (path, start, end, options = {}) => streamSlice(sliceOf(find(path), path, start, end), path, options),
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

async function* streamSlice(slice: Blob, path: string, options: ReadOptions): AsyncGenerator<Bytes> {
  const reader = slice.stream().getReader(); // Safari has no async iteration of streams
  try {
    for (;;) {
      const { done, value } = await readSlice(path, options, () => reader.read());
      if (done) return;
      yield value as Bytes;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** A file that changed or vanished since it was chosen cannot be read any more. */
async function readSlice<T>(path: string, { signal }: ReadOptions, read: () => Promise<T>): Promise<T> {
  throwIfAborted(signal);
  let result: T;
  try {
    result = await read();
  } catch (cause) {
    const message = `${path} could not be read: it changed or moved since it was chosen. Choose it again.`;
    throw new OutriderError('network_error', message, { cause, details: { file: path } });
  }
  if (signal?.aborted) throw abortError(signal);
  return result;
}
