/** What was dropped on a page, folders walked, as a list of files with their paths. */
import { OutriderError } from '../errors.ts';
import type { FileAt } from './file-at.ts';

/**
 * Must be called while the drop event is handled, before any `await`: the browser empties `transfer` afterwards. Folders
 * whose names begin with a dot are skipped: version control and download caches, thousands of files.
 * @throws OutriderError `model_not_found` where a file or folder cannot be read any more
 */
export function filesOfDrop(transfer: DataTransfer): Promise<FileAt[]> {
  const items = [...transfer.items].filter(({ kind }) => kind === 'file');
  const walks = items.map((item) => {
    const entry = item.webkitGetAsEntry();
    if (entry !== null) return walk(entry);
    const file = item.getAsFile(); // not from a file system: an image dragged from a page
    return file === null ? [] : [{ file, path: file.name }];
  });
  return Promise.all(walks).then((lists) => lists.flat());
}

async function walk(entry: FileSystemEntry): Promise<FileAt[]> {
  const path = entry.fullPath.replace(/^\//, '');
  if (isFile(entry)) return [{ file: await ask<File>(path, (...answers) => entry.file(...answers)), path }];
  if (!isFolder(entry) || entry.name.startsWith('.')) return [];
  const reader = entry.createReader();
  const found: FileAt[] = [];
  for (;;) {
    // Chromium gives 100 entries at a time; an empty list is the end.
    const entries = await ask<FileSystemEntry[]>(path, (...answers) => reader.readEntries(...answers));
    if (entries.length === 0) return found;
    for (const list of await Promise.all(entries.map(walk))) found.push(...list);
  }
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

function ask<T>(path: string, question: (resolve: (answer: T) => void, reject: (error: unknown) => void) => void) {
  return new Promise<T>(question).catch((cause) => {
    const message = `${path} was dropped but could not be read. Check that it is still there and drop it again.`;
    throw new OutriderError('model_not_found', message, { cause, details: { file: path } });
  });
}
