/** A model folder as a list of `File`s: from a file picker (with or without folders) or a drop. */
import { OutriderError } from '../errors.ts';
import { type FileAt, withPath } from './file-at.ts';
import { joinParts, type ReadPart, streamParts } from './parts.ts';
import { checkRange, type ModelSource, throwIfAborted } from './source.ts';

/** Slices of one file at a time: what the disk gives while the consumer is busy. */
const PARALLEL = 2;
const WINDOW = 3;

/**
 * Files are found by their path relative to the folder of `config.json`, or by name where the list has no folders.
 * Throws `model_not_found` where no `config.json` is in the list, or where two are equally near.
 */
export function createFilesSource(files: readonly (File | FileAt)[]): ModelSource {
  const byPath = indexFiles(files.map(withPath));
  const find = (path: string, start: number, end: number): File => {
    checkRange(path, start, end);
    const file = byPath.get(path);
    if (file === undefined) {
      throw new OutriderError('model_not_found', `${path} is not among the ${files.length} files. Add it.`, {
        details: { file: path, files: files.length },
      });
    }
    if (end <= file.size) return file;
    const message = `${path} has ${file.size} bytes; ${end} were asked for. Choose it again.`;
    throw new OutriderError('network_error', message, { details: { file: path, size: file.size, end } });
  };
  const stream: ModelSource['stream'] = async function* (path, start, end, { signal } = {}) {
    const readPart = partsOf(find(path, start, end), path);
    yield* streamParts(readPart, start, end, { parallel: PARALLEL, window: WINDOW, signal });
  };
  return {
    label: `${files.length} files`,
    async stat(path, { signal } = {}) {
      throwIfAborted(signal);
      const file = byPath.get(path);
      return file && { size: file.size, version: String(file.lastModified) };
    },
    read: (path, start, end, options) => joinParts(stream(path, start, end, options), end - start),
    stream,
  };
}

function indexFiles(files: readonly FileAt[]): Map<string, File> {
  const depthOf = (path: string): number => path.split('/').length;
  const configs = files.map(({ path }) => path).filter((path) => /(^|\/)config\.json$/.test(path));
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
  const inside = files.filter(({ path }) => path.startsWith(root));
  return new Map(inside.map(({ file, path }) => [path.slice(root.length), file]));
}

/** A file that changed or vanished since it was chosen cannot be read any more. */
function partsOf(file: File, path: string): ReadPart {
  return async (start, end) => {
    try {
      return new Uint8Array(await file.slice(start, end).arrayBuffer());
    } catch (cause) {
      const message = `${path} could not be read: it changed or moved since it was chosen. Choose it again.`;
      throw new OutriderError('source_changed', message, { cause, details: { file: path } });
    }
  };
}
