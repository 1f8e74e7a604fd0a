/**
 * The conversation that is open in this tab, and the list of all. What is added shows at once and is written behind the
 * scenes, in order; other tabs hear of it, and what they add is taken in.
 */
import type { Change, Conversation, ConversationStore, Head } from './store.ts';
import { choose, emptyTree, keyOf, type Message, shownPath, type Tree, titleFrom, withMessage } from './tree.ts';

/** What tabs tell each other: which conversations have changed, or are gone. */
type News = { readonly changed: readonly string[] } | { readonly removed: string };

/** The part of a `BroadcastChannel` that is used. */
export interface Channel {
  postMessage(news: News): void;
  onmessage: ((event: MessageEvent<News>) => void) | null;
}

export interface HistoryListener {
  /** The list of conversations is another one. */
  onList(heads: readonly Head[]): void;
  /** Another conversation is open. */
  onSwitch(): void;
  /** Another tab has added to the open conversation. */
  onNews(): void;
  /** Something could not be kept. */
  onFailure(error: unknown): void;
}

export class History {
  readonly #opened: Promise<ConversationStore>;
  readonly #channel: Channel;
  readonly #listener: HistoryListener;
  #id: string | undefined;
  #tree: Tree = emptyTree;
  /** The message that this tab is writing: what other tabs know of it is older. */
  #writing: string | undefined;
  #isOpening = false;
  /** Settles when everything so far has been written; never rejects. */
  #written: Promise<void> = Promise.resolve();

  constructor(store: Promise<ConversationStore>, channel: Channel, listener: HistoryListener) {
    this.#opened = store;
    this.#channel = channel;
    this.#listener = listener;
    channel.onmessage = ({ data }) => void this.#hear(data).catch(listener.onFailure);
  }

  /** Of the open conversation; undefined for a new one without messages. */
  get id(): string | undefined {
    return this.#id;
  }

  get tree(): Tree {
    return this.#tree;
  }

  /** A conversation is being read: what is open is about to be another one. */
  get isOpening(): boolean {
    return this.#isOpening;
  }

  /** Shows this conversation; a new one where there is none of this id. */
  async open(id: string): Promise<void> {
    this.#isOpening = true;
    let found: Conversation | undefined;
    try {
      found = await this.read(id);
    } catch (error) {
      this.#listener.onFailure(error);
    }
    this.#isOpening = false;
    this.#set(found);
    this.#listener.onSwitch();
  }

  /** Shows a new conversation; it is kept from its first message on. */
  startNew(): void {
    this.#set(undefined);
    this.#listener.onSwitch();
  }

  /** Adds messages that follow each other, and shows the branch that they stand on. */
  add(...messages: readonly Message[]): void {
    const first = this.#tree.messages.size === 0 ? messages[0] : undefined;
    this.#id ??= crypto.randomUUID();
    for (const message of messages) this.#tree = withMessage(this.#tree, message);
    this.#tree = choose(this.#tree, messages.at(-1)!.id);
    const chosen = new Map(messages.map(({ parent, id }) => [keyOf(parent), id]));
    this.#write({ messages, chosen, firstTitle: first && titleFrom(first.text) });
  }

  /** A message of the open conversation has grown. @param done nothing more will come */
  update(message: Message, done: boolean): void {
    if (!this.#tree.messages.has(message.id)) return; // another conversation is open by now
    this.#tree = withMessage(this.#tree, message);
    this.#writing = done ? undefined : message.id;
    this.#write({ messages: [message] });
  }

  /** Shows the branch of this message, of those that follow the same one. */
  choose(id: string): void {
    const message = this.#tree.messages.get(id);
    if (!message) return;
    this.#tree = choose(this.#tree, id);
    this.#write({ chosen: new Map([[keyOf(message.parent), id]]) });
  }

  rename(id: string, title: string): void {
    this.#enqueue(async () => {
      await (await this.#opened).write(id, { title });
      this.#tell({ changed: [id] });
    });
  }

  /** @returns what puts it back */
  async remove(id: string): Promise<() => Promise<void>> {
    await this.#written;
    const removed = await (await this.#opened).remove(id);
    const wasOpen = this.#id === id;
    if (wasOpen) this.startNew();
    this.#tell({ removed: id });
    await this.refresh();
    return async () => {
      if (!removed) return;
      await this.addAll([removed]);
      if (wasOpen && this.#id === undefined) await this.open(id);
    };
  }

  /** Adds whole conversations, all or none. */
  async addAll(conversations: readonly Conversation[]): Promise<void> {
    await (await this.#opened).add(conversations);
    this.#tell({ changed: conversations.map(({ head }) => head.id) });
    await this.refresh();
  }

  /** @returns undefined where it is gone */
  async read(id: string): Promise<Conversation | undefined> {
    await this.#written;
    return (await this.#opened).read(id);
  }

  /** All conversations in full. */
  async readAll(): Promise<Conversation[]> {
    await this.#written;
    const store = await this.#opened;
    const all = await Promise.all((await store.list()).map(({ id }) => store.read(id)));
    return all.filter((one) => one !== undefined);
  }

  /** Asks for the list anew. */
  async refresh(): Promise<void> {
    this.#listener.onList(await (await this.#opened).list());
  }

  #set(conversation: Conversation | undefined): void {
    this.#id = conversation?.head.id;
    this.#writing = undefined;
    this.#tree = conversation ? treeOf(conversation) : emptyTree;
  }

  #write(change: Change): void {
    const id = this.#id;
    if (id === undefined) return;
    this.#enqueue(async () => {
      await (await this.#opened).write(id, change);
      this.#tell({ changed: [id] });
    });
  }

  #writeAll(): void {
    const messages = [...this.#tree.messages.values()];
    const first = shownPath(this.#tree)[0];
    this.#write({ messages, chosen: this.#tree.chosen, firstTitle: first && titleFrom(first.text) });
  }

  #enqueue(work: () => Promise<void>): void {
    this.#written = this.#written
      .then(work)
      .then(() => this.refresh())
      .catch((error) => this.#listener.onFailure(error));
  }

  #tell(news: News): void {
    this.#channel.postMessage(news);
  }

  async #hear(news: News): Promise<void> {
    await this.refresh();
    if (this.#id === undefined) return;
    if ('removed' in news) {
      if (news.removed !== this.#id) return;
      if (this.#writing === undefined) this.startNew();
      else this.#writeAll(); // an answer is on its way here: it must not come home to nothing
    } else if (news.changed.includes(this.#id)) await this.#takeIn(this.#id);
  }

  /** Adds what another tab has written to the open conversation; which branch this tab looks at stays its own. */
  async #takeIn(id: string): Promise<void> {
    let found: Conversation | undefined;
    for (let written: Promise<void> | undefined; written !== this.#written; ) {
      written = this.#written; // what this tab writes while it reads is newer than what it reads
      await written;
      found = await (await this.#opened).read(id);
    }
    if (!found || this.#id !== id) return;
    const others = found.messages.filter((message) => message.id !== this.#writing);
    const messages = new Map([...this.#tree.messages, ...others.map((message) => [message.id, message] as const)]);
    this.#tree = { ...this.#tree, messages };
    this.#listener.onNews();
  }
}

function treeOf({ head, messages }: Conversation): Tree {
  return { messages: new Map(messages.map((message) => [message.id, message])), chosen: head.chosen };
}
