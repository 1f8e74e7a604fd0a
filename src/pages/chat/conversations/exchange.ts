/**
 * Conversations as files: JSON that holds everything and comes back the same, and Markdown to read. What is imported is
 * untrusted: every field is checked before anything is kept, and all ids are made anew, so that no file can reach into
 * conversations that are there. Pure.
 */
import { OutriderError } from '../../../errors.ts';
import type { Conversation } from './store.ts';
import {
  type Answer,
  type AnswerStats,
  childrenByParent,
  type Message,
  type Outcome,
  outcomes,
  shownPath,
} from './tree.ts';

const format = 'outrider-conversations';
const version = 1;

/** The largest file that is read, in bytes. */
export const largestImport = 64 << 20;

/** All of these conversations as JSON text. */
export function exportJson(conversations: readonly Conversation[], now = new Date()): string {
  const plain = conversations.map(({ head, messages }) => ({
    ...head,
    chosen: Object.fromEntries(head.chosen),
    messages: inOrder(messages),
  }));
  return `${JSON.stringify({ format, version, exportedAt: now.toISOString(), conversations: plain }, null, 2)}\n`;
}

/** The branch that is shown, as Markdown. */
export function exportMarkdown({ head, messages }: Conversation): string {
  const tree = { messages: new Map(messages.map((message) => [message.id, message])), chosen: head.chosen };
  const parts = shownPath(tree).map(({ role, text }) => `## ${role === 'user' ? 'You' : 'Answer'}\n\n${text.trim()}\n`);
  return [`# ${head.title}\n`, ...parts].join('\n');
}

/** A file's name from a title, without what some system forbids. */
export function fileName(title: string, extension: string): string {
  const safe = title.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '');
  return `${safe.slice(0, 60) || 'conversation'}.${extension}`;
}

/**
 * Reads what `exportJson` wrote.
 * @param newId makes the ids of everything that comes in
 * @throws OutriderError `invalid_request`: `details.path` says where the text is not as it must be
 */
export function importJson(text: string, newId: () => string = () => crypto.randomUUID()): Conversation[] {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw new OutriderError(
      'invalid_request',
      `The file is not JSON: ${cause}. Choose a file that this page exported.`,
      {
        details: { path: '' },
      },
    );
  }
  const file = objectAt(data, 'the file');
  if (file.format !== format) refuse('format', `"${format}"`, file.format);
  if (file.version !== version) refuse('version', `${version}, which this page reads`, file.version);
  return arrayAt(file.conversations, 'conversations').map((one, at) =>
    readConversation(one, `conversations[${at}]`, newId),
  );
}

function readConversation(data: unknown, path: string, newId: () => string): Conversation {
  const { title, createdAt, updatedAt, chosen, messages } = objectAt(data, path);
  const ids = new Map<string, string>();
  const roles = new Map<string, Message['role']>();
  const read = arrayAt(messages, `${path}.messages`).map((one, at) => {
    const message = readMessage(one, `${path}.messages[${at}]`, ids, roles, newId());
    roles.set(message.id, message.role);
    return message;
  });
  const branches = Object.entries(objectAt(chosen, `${path}.chosen`)).map(([parent, child]): [string, string] => {
    const [from, to] = [parent === '' ? '' : ids.get(parent), ids.get(textAt(child, `${path}.chosen`))];
    if (from === undefined || to === undefined) refuse(`${path}.chosen`, 'ids of its messages', parent);
    return [from, to];
  });
  const head = {
    id: newId(),
    title: textAt(title, `${path}.title`),
    createdAt: timeAt(createdAt, `${path}.createdAt`),
    updatedAt: timeAt(updatedAt, `${path}.updatedAt`),
    chosen: new Map(branches),
  };
  return { head, messages: read };
}

/** Parents stand before what follows them, so what is read can have no cycle. */
function readMessage(
  data: unknown,
  path: string,
  ids: Map<string, string>,
  roles: ReadonlyMap<string, Message['role']>,
  newId: string,
): Message {
  const { id, parent, createdAt, text, role, outcome, stats } = objectAt(data, path);
  const known = textAt(id, `${path}.id`);
  if (known === '' || ids.has(known)) refuse(`${path}.id`, 'the only one of its name', known);
  const follows = parent === null ? null : ids.get(textAt(parent, `${path}.parent`));
  if (follows === undefined) refuse(`${path}.parent`, 'null or the id of a message before it', parent);
  if (role !== (roles.get(follows ?? '') === 'user' ? 'assistant' : 'user')) {
    refuse(`${path}.role`, 'user and assistant by turns, a user first', role);
  }
  ids.set(known, newId);
  const base = {
    id: newId,
    parent: follows,
    createdAt: timeAt(createdAt, `${path}.createdAt`),
    text: textAt(text, `${path}.text`),
  };
  if (role === 'user') return { ...base, role };
  if (!outcomes.includes(outcome as Outcome)) refuse(`${path}.outcome`, outcomes.join(', '), outcome);
  const answer: Answer = { ...base, role: 'assistant', outcome: outcome as Outcome };
  return stats === undefined ? answer : { ...answer, stats: readStats(stats, `${path}.stats`) };
}

function readStats(data: unknown, path: string): AnswerStats {
  const stats = objectAt(data, path);
  const number = (name: keyof AnswerStats) => numberAt(stats[name], `${path}.${name}`);
  return {
    promptTokens: number('promptTokens'),
    cachedTokens: number('cachedTokens'),
    completionTokens: number('completionTokens'),
    tokensPerSecond: number('tokensPerSecond'),
    secondsToFirstToken: number('secondsToFirstToken'),
  };
}

/** Parents before what follows them. */
function inOrder(messages: readonly Message[]): readonly Message[] {
  const following = childrenByParent(messages);
  const ordered: Message[] = [];
  const open = [...(following.get('') ?? [])];
  for (let message = open.pop(); message; message = open.pop()) {
    ordered.push(message);
    open.push(...(following.get(message.id) ?? []));
  }
  return ordered;
}

function objectAt(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(path, 'an object', value);
  return value as Record<string, unknown>;
}

function arrayAt(value: unknown, path: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(path, 'a list', value);
}

function textAt(value: unknown, path: string): string {
  return typeof value === 'string' ? value : refuse(path, 'a text', value);
}

function numberAt(value: unknown, path: string): number {
  return typeof value === 'number' && value >= 0 ? value : refuse(path, 'a number of 0 or more', value);
}

const lastTime = 8.64e15; // of a Date

function timeAt(value: unknown, path: string): number {
  return typeof value === 'number' && value >= 0 && value <= lastTime
    ? value
    : refuse(path, 'milliseconds since 1970', value);
}

function refuse(path: string, needed: string, found: unknown): never {
  const shown = (JSON.stringify(found) ?? 'nothing').slice(0, 80);
  throw new OutriderError(
    'invalid_request',
    `In the file, ${path} is ${shown} but must be ${needed}. Nothing was imported; choose a file that this page exported.`,
    { details: { path, needed, found: shown } },
  );
}
