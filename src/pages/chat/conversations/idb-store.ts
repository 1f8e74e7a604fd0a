/** Conversations in IndexedDB. */
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import { byTime, type ConversationStore, changeHead, type Head } from './store.ts';
import type { Message } from './tree.ts';

interface Schema extends DBSchema {
  heads: { key: string; value: Head };
  /** `conversation`: the id of its head. */
  messages: { key: string; value: Message & { readonly conversation: string }; indexes: { conversation: string } };
}

const name = 'outrider';
const version = 1;

/** Opens the browser's own store; rejects where the browser keeps nothing for this page. */
export async function openIdbStore(): Promise<ConversationStore> {
  let database: IDBPDatabase<Schema> | undefined;
  const open = async () => {
    database ??= await openDB<Schema>(name, version, {
      upgrade(fresh) {
        fresh.createObjectStore('heads', { keyPath: 'id' });
        fresh.createObjectStore('messages', { keyPath: 'id' }).createIndex('conversation', 'conversation');
      },
      blocking: () => close(), // a tab with a newer version of the page waits for this one
      terminated: () => {
        database = undefined; // the browser closed it, to free room for example: the next call opens it again
      },
    });
    return database;
  };
  const close = () => {
    database?.close();
    database = undefined;
  };
  await open();
  return storeOver(open);
}

const stores = ['heads', 'messages'] as const;

function storeOver(open: () => Promise<IDBPDatabase<Schema>>): ConversationStore {
  const begin = async () => (await open()).transaction(stores, 'readwrite');
  return {
    list: async () => byTime(await (await open()).getAll('heads')),
    async read(id) {
      const transaction = (await open()).transaction(stores);
      const [head, found] = await Promise.all([
        transaction.objectStore('heads').get(id),
        transaction.objectStore('messages').index('conversation').getAll(id),
      ]);
      return head && { head, messages: found.map(withoutConversation) };
    },
    async write(id, news) {
      const transaction = await begin();
      const heads = transaction.objectStore('heads');
      const messages = transaction.objectStore('messages');
      await Promise.all([
        heads.get(id).then((stored) => heads.put(changeHead(stored, id, news, Date.now()))),
        ...(news.messages ?? []).map((message) => messages.put({ ...message, conversation: id })),
        transaction.done,
      ]);
    },
    async add(conversations) {
      const transaction = await begin();
      const heads = transaction.objectStore('heads');
      const messages = transaction.objectStore('messages');
      await Promise.all([
        ...conversations.map(({ head }) => heads.put(head)),
        ...conversations.flatMap(({ head, messages: added }) =>
          added.map((message) => messages.put({ ...message, conversation: head.id })),
        ),
        transaction.done,
      ]);
    },
    async remove(id) {
      const transaction = await begin();
      const heads = transaction.objectStore('heads');
      const messages = transaction.objectStore('messages');
      const [head, found] = await Promise.all([heads.get(id), messages.index('conversation').getAll(id)]);
      await Promise.all([heads.delete(id), ...found.map((message) => messages.delete(message.id)), transaction.done]);
      return head && { head, messages: found.map(withoutConversation) };
    },
  };
}

function withoutConversation({ conversation: _, ...message }: Schema['messages']['value']): Message {
  return message as Message;
}
