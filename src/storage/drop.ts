/** What was dropped on a page, folders walked, as a list of files with their paths. */
import { OutriderError } from '../errors.ts';
import type { FileAt } from './file-at.ts';

/**
 * Folders whose names begin with a dot are skipped: version control and download caches, thousands of files.
 * @param dropped entries; files where they are in no file system, such as an image that was dragged from a page
 * @throws OutriderError `model_not_found` where a file or folder cannot be read any more
 */
export async function filesOfDrop(dropped: readonly (FileSystemEntry | File)[]): Promise<FileAt[]> {
  const walks = dropped.map((one) => (one instanceof File ? [{ file: one, path: one.name }] : walk(one)));
  return (await Promise.all(walks)).flat();
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
