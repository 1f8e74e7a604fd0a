/** Conversations where the browser keeps none. */
import { byTime, type ConversationStore, changeHead, type Head } from './store.ts';
import type { Message } from './tree.ts';

/** Keeps conversations while the tab lives. */
export function createMemoryStore(): ConversationStore {
  const heads = new Map<string, Head>();
  const messages = new Map<string, Map<string, Message>>();
  const read = async (id: string) => {
    const head = heads.get(id);
    return head && { head, messages: [...(messages.get(id)?.values() ?? [])] };
  };
  const put = (id: string, added: readonly Message[] = []) => {
    const known = messages.get(id) ?? new Map<string, Message>();
    for (const message of added) known.set(message.id, message);
    messages.set(id, known);
  };
  return {
    list: async () => byTime([...heads.values()]),
    read,
    async write(id, change) {
      heads.set(id, changeHead(heads.get(id), id, change, Date.now()));
      put(id, change.messages);
    },
    async add(conversations) {
      for (const { head, messages: added } of conversations) {
        heads.set(head.id, head);
        put(head.id, added);
      }
    },
    async remove(id) {
      const removed = await read(id);
      heads.delete(id);
      messages.delete(id);
      return removed;
    },
  };
}
