/** Conversations from and to files of the person's own. Loaded when the first is wanted. */
import { OutriderError } from '../../../errors.ts';
import { create } from '../../shared/dom.ts';
import { exportJson, exportMarkdown, fileName, importJson, largestImport } from './exchange.ts';
import type { Conversation } from './store.ts';

/** Saves one conversation as a download. */
export function download(conversation: Conversation, format: 'json' | 'markdown'): void {
  const { title } = conversation.head;
  if (format === 'json') save(exportJson([conversation]), fileName(title, 'json'), 'application/json');
  else save(exportMarkdown(conversation), fileName(title, 'md'), 'text/markdown');
}

/** Saves all of them as one download. */
export function downloadAll(conversations: readonly Conversation[]): void {
  const day = new Date().toISOString().slice(0, 10);
  save(exportJson(conversations), `outrider-conversations-${day}.json`, 'application/json');
}

/** @throws OutriderError `invalid_request` for what is no export of ours */
export async function readConversations(file: File): Promise<Conversation[]> {
  if (file.size > largestImport) {
    const message = `${file.name} has ${file.size} bytes, and at most ${largestImport} are read. Export fewer conversations at a time.`;
    throw new OutriderError('invalid_request', message, { details: { size: file.size, limit: largestImport } });
  }
  return importJson(await file.text());
}

function save(text: string, name: string, type: string): void {
  const href = URL.createObjectURL(new Blob([text], { type }));
  create('a', { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href)); // the click has begun the download by then
}
