/**
 * Conversations as files: JSON that holds everything and comes back the same, and Markdown to read. What is imported is
 * untrusted: every field is checked before anything is kept, and all ids are made anew, so that no file can reach into
 * conversations that are there. Pure.
 */
import { OutriderError } from '../../../errors.ts';
import type { CallMade } from './answer.ts';
import { arrayAt, numberAt, objectAt, refuse, textAt, timeAt } from './checks.ts';
import { plainMessage, readParts } from './exchange-parts.ts';
import type { Conversation } from './store.ts';
import {
  type AnswerStats,
  callsOf,
  childrenByParent,
  type Message,
  type Outcome,
  outcomes,
  shownPath,
} from './tree.ts';

const fileFormat = 'outrider-conversations';
const version = 1;

/** The largest file that is read, in bytes. */
export const largestImport = 64 << 20;

/** All of these conversations as JSON text. */
export function exportJson(conversations: readonly Conversation[], now = new Date()): string {
  const plain = conversations.map(({ head, messages }) => ({
    ...head,
    chosen: Object.fromEntries(head.chosen),
    messages: inOrder(messages).map(plainMessage),
  }));
  return `${JSON.stringify({ format: fileFormat, version, exportedAt: now.toISOString(), conversations: plain }, null, 2)}\n`;
}

/** The branch that is shown, as Markdown. */
export function exportMarkdown({ head, messages }: Conversation): string {
  const tree = { messages: new Map(messages.map((message) => [message.id, message])), chosen: head.chosen };
  const path = shownPath(tree);
  const parts = path.map((message, at) => `${markdownOf(message, callsOf(path[at - 1])).trim()}\n`);
  return [`# ${head.title}\n`, ...parts].join('\n');
}

function markdownOf(message: Message, answered: readonly CallMade[]): string {
  const code = (name: string, text: string) => `\n\n**${name}**\n\n~~~\n${text}\n~~~`;
  const text = message.text.trim();
  if (message.role === 'user') return `## You\n\n${text}`;
  if (message.role === 'assistant') {
    const calls = callsOf(message).map((call) => code(`Call of ${call.name}`, call.arguments));
    return `## Answer\n\n${[text, ...calls].join('').trim()}`;
  }
  return `## Results${message.results.map((one, at) => code(`Result of ${answered[at]?.name ?? 'a call'}`, one)).join('')}`;
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
  if (file.format !== fileFormat) refuse('format', `"${fileFormat}"`, file.format);
  if (file.version !== version) refuse('version', `${version}, which this page reads`, file.version);
  return arrayAt(file.conversations, 'conversations').map((one, at) =>
    readConversation(one, `conversations[${at}]`, newId),
  );
}

function readConversation(data: unknown, path: string, newId: () => string): Conversation {
  const { title, createdAt, updatedAt, chosen, messages } = objectAt(data, path);
  const ids = new Map<string, string>();
  const known = new Map<string, Message>();
  const read = arrayAt(messages, `${path}.messages`).map((one, at) => {
    const message = readMessage(one, `${path}.messages[${at}]`, ids, known, newId());
    known.set(message.id, message);
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
  known: ReadonlyMap<string, Message>,
  newId: string,
): Message {
  const fields = objectAt(data, path);
  const { id, parent, createdAt, text, role } = fields;
  const ownId = textAt(id, `${path}.id`);
  if (ownId === '' || ids.has(ownId)) refuse(`${path}.id`, 'the only one of its name', ownId);
  const follows = parent === null ? null : ids.get(textAt(parent, `${path}.parent`));
  if (follows === undefined) refuse(`${path}.parent`, 'null or the id of a message before it', parent);
  const before = known.get(follows ?? '');
  if (!canFollow(role, before)) {
    refuse(`${path}.role`, 'user and assistant by turns, a user first, tool only after calls', role);
  }
  ids.set(ownId, newId);
  const base = {
    id: newId,
    parent: follows,
    createdAt: timeAt(createdAt, `${path}.createdAt`),
    text: textAt(text, `${path}.text`),
  };
  if (role === 'user') return { ...base, role };
  if (role === 'assistant') return { ...base, role, ...readAnswer(fields, path) };
  const results = arrayAt(fields.results, `${path}.results`);
  const { length } = callsOf(before);
  if (results.length !== length) refuse(`${path}.results`, `as many as there are calls, ${length}`, results.length);
  return { ...base, role: 'tool', results: results.map((one, at) => textAt(one, `${path}.results[${at}]`)) };
}

function canFollow(role: unknown, before: Message | undefined): role is Message['role'] {
  if (role === 'assistant') return before?.role === 'user' || before?.role === 'tool';
  if (role === 'tool') return callsOf(before).length > 0;
  return role === 'user' && (!before || before.role === 'assistant');
}

function readAnswer({ outcome, stats, format, ...parts }: Record<string, unknown>, path: string) {
  if (!outcomes.includes(outcome as Outcome)) refuse(`${path}.outcome`, outcomes.join(', '), outcome);
  if (format !== undefined && format !== 'json') refuse(`${path}.format`, '"json" or absent', format);
  return {
    outcome: outcome as Outcome,
    ...(stats !== undefined && { stats: readStats(stats, `${path}.stats`) }),
    ...(format === 'json' && { format: 'json' as const }),
    ...readParts(parts, path),
  };
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
