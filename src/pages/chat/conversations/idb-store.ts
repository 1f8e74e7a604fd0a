/** Conversations in IndexedDB. */
import { byTime, type ConversationStore, changeHead, type Head } from './store.ts';
import type { Message } from './tree.ts';

/** `conversation`: the id of its head. */
type StoredMessage = Message & { readonly conversation: string };

const name = 'outrider-chat'; // databases of an origin are shared: with the library, which keeps its own, and with other pages
const version = 1;

/** Opens the browser's own store; rejects where the browser keeps nothing for this page. */
export async function openIdbStore(): Promise<ConversationStore> {
  let database: IDBDatabase | undefined;
  const open = async () => {
    database ??= await openDatabase();
    database.onversionchange = () => close(); // a tab with a newer version of the page waits for this one
    database.onclose = () => {
      database = undefined; // the browser closed it, to free room for example: the next call opens it again
    };
    return database;
  };
  const close = () => {
    database?.close();
    database = undefined;
  };
  await open();
  return storeOver(open);
}

function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(name, version);
  request.onupgradeneeded = () => {
    request.result.createObjectStore('heads', { keyPath: 'id' });
    request.result.createObjectStore('messages', { keyPath: 'id' }).createIndex('conversation', 'conversation');
  };
  return resultOf(request);
}

function storeOver(open: () => Promise<IDBDatabase>): ConversationStore {
  const begin = async (mode: IDBTransactionMode) => {
    const transaction = (await open()).transaction(['heads', 'messages'], mode);
    const [heads, messages] = [transaction.objectStore('heads'), transaction.objectStore('messages')];
    return {
      heads,
      messages,
      head: (id: string) => resultOf<Head | undefined>(heads.get(id)),
      messagesOf: (id: string) => resultOf<StoredMessage[]>(messages.index('conversation').getAll(id)),
      done: () =>
        new Promise<void>((resolve, reject) => {
          transaction.oncomplete = () => resolve();
          transaction.onabort = () => reject(transaction.error);
        }),
    };
  };
  return {
    async list() {
      const { heads } = await begin('readonly');
      return byTime(await resultOf<Head[]>(heads.getAll()));
    },
    async read(id) {
      const { head, messagesOf } = await begin('readonly');
      return conversationOf(await Promise.all([head(id), messagesOf(id)]));
    },
    async write(id, news) {
      const { heads, messages, head, done } = await begin('readwrite');
      for (const message of news.messages ?? []) messages.put({ ...message, conversation: id });
      await Promise.all([head(id).then((stored) => heads.put(changeHead(stored, id, news, Date.now()))), done()]);
    },
    async add(conversations) {
      const { heads, messages, done } = await begin('readwrite');
      for (const { head, messages: added } of conversations) {
        heads.put(head);
        for (const message of added) messages.put({ ...message, conversation: head.id });
      }
      await done();
    },
    async remove(id) {
      const { heads, messages, head, messagesOf, done } = await begin('readwrite');
      const [removed, found] = await Promise.all([head(id), messagesOf(id)]);
      heads.delete(id);
      for (const message of found) messages.delete(message.id);
      await done();
      return conversationOf([removed, found]);
    },
  };
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function conversationOf([head, messages]: readonly [Head | undefined, readonly StoredMessage[]]) {
  return head && { head, messages: messages.map(({ conversation: _, ...message }) => message as Message) };
}
