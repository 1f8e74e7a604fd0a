/** What a person does with conversations as a whole: opens, renames, deletes, exports, imports them. */
import { OutriderError } from '../../../errors.ts';
import { byId } from '../../shared/dom.ts';
import { readJson, writeJson } from '../../shared/storage.ts';
import type { Chat } from '../chat.ts';
import { showToast } from '../toast.ts';
import type { History } from './history.ts';
import type { Head } from './store.ts';

const openKey = 'outrider.open'; // of this tab alone: every tab comes back to its own

export class Desk {
  readonly #history: History;
  readonly #chat: Chat;

  constructor(history: History, chat: Chat) {
    this.#history = history;
    this.#chat = chat;
  }

  /** Shows what this tab showed before a reload. */
  async restore(): Promise<void> {
    const id = readJson('sessionStorage', openKey);
    if (typeof id === 'string') {
      const opened = this.#history.open(id);
      this.#chat.show(); // not the empty page: there is something to come
      await opened;
    }
    await this.#history.refresh();
  }

  /** To be called whenever another conversation may be open. */
  remember(): void {
    writeJson('sessionStorage', openKey, this.#history.id);
  }

  async startNew(): Promise<void> {
    await this.#chat.stop();
    this.#history.startNew();
    this.#chat.focus();
  }

  async open(id: string): Promise<void> {
    if (id !== this.#history.id) {
      await this.#chat.stop();
      await this.#history.open(id);
    }
    this.#chat.focus();
  }

  remove({ id, title }: Head): Promise<void> {
    return this.#orSay(async () => {
      if (id === this.#history.id) await this.#chat.stop();
      const undo = await this.#history.remove(id);
      byId('history-search').focus(); // the row that had it is gone
      const action = { label: 'Undo', run: () => void this.#orSay(undo) };
      await showToast({ text: `“${title}” is deleted.`, action });
    });
  }

  exportAs(id: string, format: 'json' | 'markdown'): Promise<void> {
    return this.#orSay(async () => {
      const [conversation, { download }] = await Promise.all([this.#history.read(id), import('./files.ts')]);
      if (conversation) download(conversation, format);
    });
  }

  exportAll(): Promise<void> {
    return this.#orSay(async () => {
      const [all, { downloadAll }] = await Promise.all([this.#history.readAll(), import('./files.ts')]);
      downloadAll(all);
    });
  }

  /** Adds the conversations of a file, all or none. */
  importFile(file: File): Promise<void> {
    return this.#orSay(async () => {
      const { readConversations } = await import('./files.ts');
      const conversations = await readConversations(file);
      await this.#history.addAll(conversations);
      const { length } = conversations;
      await showToast({ text: `${length} ${length === 1 ? 'conversation is' : 'conversations are'} added.` });
    });
  }

  /** Says that something could not be kept, read or written. */
  fail(error: unknown): void {
    const isOurs = error instanceof OutriderError;
    void showToast({
      text: isOurs ? error.message : `The browser does not keep conversations now: ${error}`,
      stays: true,
    });
  }

  async #orSay(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.fail(error);
    }
  }
}
