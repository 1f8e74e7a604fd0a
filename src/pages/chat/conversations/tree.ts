/**
 * A conversation as data: a tree of messages. Asking again from an edited question, or for another answer, adds a branch
 * beside the one before; nothing is ever replaced. Pure; every function returns a new tree.
 */
import type { ChatMessage } from '../../../index.ts';
import type { AnswerParts, CallMade } from './answer.ts';

/** How an answer ended. `length`: the token limit or the end of the context. */
export type Outcome = 'complete' | 'length' | 'stopped' | 'failed';
export const outcomes: readonly Outcome[] = ['complete', 'length', 'stopped', 'failed'];

/** What the engine measured for one answer. */
export interface AnswerStats {
  readonly promptTokens: number;
  /** Of the prompt's tokens, those whose keys and values were still on the GPU. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly tokensPerSecond: number;
  readonly secondsToFirstToken: number;
}

interface MessageBase {
  /** Unique in this browser. */
  readonly id: string;
  /** The message that this one follows; null for a conversation's first. */
  readonly parent: string | null;
  /** Milliseconds since 1970: branches stand in this order. */
  readonly createdAt: number;
  readonly text: string;
}

export interface Question extends MessageBase {
  readonly role: 'user';
}

export interface Answer extends MessageBase, AnswerParts {
  readonly role: 'assistant';
  /** `stopped` while it is being written: that is what a reload would find. */
  readonly outcome: Outcome;
  readonly stats?: AnswerStats | undefined;
  /** What it was asked to be; absent: any text. */
  readonly format?: 'json' | undefined;
}

/** What a person says that the called tools have returned. It follows the answer that calls them; its `text` is ''. */
export interface ToolResults extends MessageBase {
  readonly role: 'tool';
  /** As many as the answer has calls, in their order. */
  readonly results: readonly string[];
}

export type Message = Question | Answer | ToolResults;

export interface Tree {
  /** By id. */
  readonly messages: ReadonlyMap<string, Message>;
  /** The branch that a person looks at: the message that was chosen to follow, by parent; '' for the first message. */
  readonly chosen: ReadonlyMap<string, string>;
}

/** Where a message stands among those that follow the same one. */
export interface Fork {
  /** Ids in order, the message's own included. */
  readonly ids: readonly string[];
  /** Place of the message in `ids`, from 0. */
  readonly at: number;
}

export const emptyTree: Tree = { messages: new Map(), chosen: new Map() };

/** The key of `chosen` for what follows `parent`. */
export const keyOf = (parent: string | null): string => parent ?? '';

/** Adds the message, or puts it in the place of its earlier version; what is shown stays. */
export function withMessage({ messages, chosen }: Tree, message: Message): Tree {
  return { messages: new Map(messages).set(message.id, message), chosen };
}

/** Shows the branch that this message stands on. */
export function choose({ messages, chosen }: Tree, id: string): Tree {
  const next = new Map(chosen);
  const seen = new Set<string>();
  for (let message = messages.get(id); message && !seen.has(message.id); message = messages.get(message.parent ?? '')) {
    seen.add(message.id);
    next.set(keyOf(message.parent), message.id);
  }
  return { messages, chosen: next };
}

/** The messages that are shown, from the first to the last: at every fork the chosen branch, else the newest. */
export function shownPath(tree: Tree): readonly Message[] {
  const following = childrenByParent(tree.messages.values());
  const path: Message[] = [];
  let key = '';
  for (;;) {
    const children = following.get(key);
    if (!children || path.length >= tree.messages.size) return path;
    const next = children.find(({ id }) => id === tree.chosen.get(key)) ?? children.at(-1)!;
    path.push(next);
    key = next.id;
  }
}

/** Of each message of `path` that has alternatives: which they are. By id. */
export function forksOf(tree: Tree, path: readonly Message[]): ReadonlyMap<string, Fork> {
  const following = childrenByParent(tree.messages.values());
  const forks = new Map<string, Fork>();
  for (const { id, parent } of path) {
    const ids = (following.get(keyOf(parent)) ?? []).map((child) => child.id);
    if (ids.length > 1) forks.set(id, { ids, at: ids.indexOf(id) });
  }
  return forks;
}

/** The messages from the first to this one; empty where it is unknown. */
export function pathTo({ messages }: Tree, id: string | null): readonly Message[] {
  const path: Message[] = [];
  for (let at = messages.get(id ?? ''); at && path.length < messages.size; at = messages.get(at.parent ?? '')) {
    path.unshift(at);
  }
  return path;
}

/**
 * The path as request messages. An answer that was stopped before its first word says nothing and is left out, and so are
 * calls that nobody has given results for.
 */
export function toMessages(path: readonly Message[], systemPrompt: string | undefined): ChatMessage[] {
  const said = path.flatMap((message, at) => spoken(message, path[at - 1], path[at + 1]));
  return systemPrompt ? [{ role: 'system', content: systemPrompt }, ...said] : said;
}

function spoken(message: Message, before: Message | undefined, after: Message | undefined): ChatMessage[] {
  if (message.role === 'tool') {
    const calls = callsOf(before);
    return message.results.map((content, at) => ({ role: 'tool', tool_call_id: calls[at]?.id, content }));
  }
  const { role } = message;
  const text = message.text.slice(role === 'assistant' ? message.remote?.superseded : 0);
  const calls = after?.role === 'tool' ? callsOf(message) : [];
  if (calls.length > 0) {
    const made = calls.map(({ id, name, arguments: args }) => ({
      id,
      type: 'function' as const,
      function: { name, arguments: args },
    }));
    return [{ role: 'assistant', content: text || null, tool_calls: made }];
  }
  return text === '' ? [] : [{ role, content: text }];
}

/** The calls of an answer; none of any other message. */
export function callsOf(message: Message | undefined): readonly CallMade[] {
  return message?.role === 'assistant' ? (message.calls ?? []) : [];
}

/** Every text of a message: what a person or the model wrote. */
export function wordsOf(message: Message): readonly string[] {
  const results = message.role === 'tool' ? message.results : [];
  return [message.text, ...results, ...callsOf(message).map((call) => call.arguments)];
}

const titleLength = 60; // characters as people count them

/** A conversation's title from its first question: its first words, on one line. */
export function titleFrom(question: string): string {
  const line = question.replace(/\s+/g, ' ').trim();
  let cut = '';
  let length = 0;
  for (const { segment } of new Intl.Segmenter().segment(line)) {
    if (++length > titleLength) {
      const word = cut.lastIndexOf(' ');
      return `${(word > titleLength / 2 ? cut.slice(0, word) : cut).trimEnd()}…`;
    }
    cut += segment;
  }
  return line || untitled;
}

/** What a conversation without words is called. */
export const untitled = 'Untitled';

/** What follows each message, oldest first; '' holds the first messages. A message whose parent is missing follows none. */
export function childrenByParent(messages: Iterable<Message>): ReadonlyMap<string, readonly Message[]> {
  const byParent = new Map<string, Message[]>();
  for (const message of messages) {
    const children = byParent.get(keyOf(message.parent));
    if (children) children.push(message);
    else byParent.set(keyOf(message.parent), [message]);
  }
  for (const children of byParent.values()) {
    children.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  }
  return byParent;
}
