import { beforeEach, describe, expect, it } from 'vitest';
import { type Channel, History } from '../../../../src/pages/chat/conversations/history.ts';
import { createMemoryStore } from '../../../../src/pages/chat/conversations/memory-store.ts';
import type { ConversationStore, Head } from '../../../../src/pages/chat/conversations/store.ts';
import { type Answer, type Message, type Question, shownPath } from '../../../../src/pages/chat/conversations/tree.ts';

let time = 0;
let channels: Channel[];
let store: ConversationStore;

/** A tab over the common store. */
function openTab() {
  const channel: Channel = {
    onmessage: null,
    postMessage: (data) => {
      for (const other of channels) {
        if (other !== channel)
          queueMicrotask(() => other.onmessage?.({ data } as Parameters<NonNullable<Channel['onmessage']>>[0]));
      }
    },
  };
  channels.push(channel);
  const tab = { heads: [] as readonly Head[], failures: [] as unknown[], news: 0 };
  const history = new History(Promise.resolve(store), channel, {
    onList: (heads) => {
      tab.heads = heads;
    },
    onSwitch: () => {},
    onNews: () => tab.news++,
    onFailure: (error) => tab.failures.push(error),
  });
  return Object.assign(tab, { history, texts: () => shownPath(history.tree).map(({ text }) => text) });
}

const ask = (parent: string | null, text: string): [Question, Answer] => {
  const question: Question = { id: crypto.randomUUID(), parent, role: 'user', text, createdAt: ++time };
  return [
    question,
    {
      id: crypto.randomUUID(),
      parent: question.id,
      role: 'assistant',
      text: '',
      outcome: 'stopped',
      createdAt: ++time,
    },
  ];
};
const settled = async () => {
  for (let i = 0; i < 50; i++) await Promise.resolve();
};
const storedTexts = async (id: string) => (await store.read(id))!.messages.map(({ text }: Message) => text).sort();

beforeEach(() => {
  channels = [];
  store = createMemoryStore();
});

describe('the history of conversations', () => {
  it('keeps a conversation from its first question on, under that question’s title', async () => {
    const tab = openTab();
    const [question, answer] = ask(null, 'Tell me a story');
    tab.history.add(question, answer);
    tab.history.update({ ...answer, text: 'Once' }, false);
    await settled();
    expect(tab.heads.map(({ title }) => title)).toEqual(['Tell me a story']);
    expect(await storedTexts(tab.history.id!)).toEqual(['Once', 'Tell me a story']); // half-written: a reload finds it
    const next = openTab();
    await next.history.open(tab.history.id!);
    expect(next.texts()).toEqual(['Tell me a story', 'Once']);
  });

  it('lets two tabs write to one conversation: both add, neither overwrites, each looks at its own branch', async () => {
    const [first, second] = [openTab(), openTab()];
    const [question, answer] = ask(null, 'Hello');
    first.history.add(question, answer);
    first.history.update({ ...answer, text: 'Hi', outcome: 'complete' }, true);
    await settled();
    await second.history.open(first.history.id!);
    first.history.add(...ask(answer.id, 'From the first'));
    second.history.add(...ask(answer.id, 'From the second'));
    await settled();
    expect(await storedTexts(first.history.id!)).toEqual(['', '', 'From the first', 'From the second', 'Hello', 'Hi']);
    expect(first.texts()).toEqual(['Hello', 'Hi', 'From the first', '']);
    expect(second.texts()).toEqual(['Hello', 'Hi', 'From the second', '']);
    expect(first.history.tree.messages.size).toBe(6);
  });

  it('does not let what another tab knows of an answer take back what this one has written since', async () => {
    const [first, second] = [openTab(), openTab()];
    const [question, answer] = ask(null, 'Hello');
    first.history.add(question, answer);
    await settled();
    await second.history.open(first.history.id!);
    first.history.update({ ...answer, text: 'Once upon' }, false);
    second.history.rename(first.history.id!, 'Greeting');
    await settled();
    expect(first.history.tree.messages.get(answer.id)!.text).toBe('Once upon');
    expect(second.history.tree.messages.get(answer.id)!.text).toBe('Once upon');
    expect(first.heads[0]!.title).toBe('Greeting');
    first.history.add(...ask(answer.id, 'And a title of its own?'));
    await settled();
    expect(first.heads[0]!.title).toBe('Greeting');
  });

  it('brings back a deleted conversation whole, and other tabs stop showing it meanwhile', async () => {
    const [first, second] = [openTab(), openTab()];
    first.history.add(...ask(null, 'Hello'));
    await settled();
    const id = first.history.id!;
    await second.history.open(id);
    const before = await store.read(id);
    const undo = await first.history.remove(id);
    await settled();
    expect([first.history.id, second.history.id, first.heads, second.heads]).toEqual([undefined, undefined, [], []]);
    await undo();
    expect(await store.read(id)).toEqual(before);
    expect(first.history.id).toBe(id);
    expect(first.texts()).toEqual(['Hello', '']);
  });

  it('keeps a conversation that another tab deletes while an answer to it is being written here', async () => {
    const [first, second] = [openTab(), openTab()];
    const [question, answer] = ask(null, 'Hello');
    first.history.add(question, answer);
    first.history.update({ ...answer, text: 'Once' }, false);
    await settled();
    await second.history.remove(first.history.id!);
    await settled();
    first.history.update({ ...answer, text: 'Once upon', outcome: 'complete' }, true);
    await settled();
    expect(await storedTexts(first.history.id!)).toEqual(['Hello', 'Once upon']);
    expect(second.heads.map(({ title }) => title)).toEqual(['Hello']);
  });

  it('says when something cannot be kept, and goes on', async () => {
    const tab = openTab();
    store.write = () => Promise.reject(new Error('full'));
    tab.history.add(...ask(null, 'Hello'));
    await settled();
    expect(tab.failures).toEqual([new Error('full')]);
    expect(tab.texts()).toEqual(['Hello', '']);
  });
});
