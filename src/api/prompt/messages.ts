/** Prompts as messages of OpenAI's, by the specification's rules for what is allowed where. */
import type { ChatMessage } from '../types.ts';
import { notSupported } from './errors.ts';
import type { LanguageModelMessage, LanguageModelPrompt } from './types.ts';

export interface Canonical {
  /** At least one. */
  readonly messages: readonly ChatMessage[];
  /** The last message is the beginning of the answer. */
  readonly prefix: boolean;
}

/**
 * @param begun whether the session has had messages: a system prompt is too late then
 * @throws TypeError, or DOMException `SyntaxError`, `NotSupportedError`
 */
export function canonicalize(input: LanguageModelPrompt, begun: boolean): Canonical {
  if (typeof input === 'string') return { messages: [{ role: 'user', content: input }], prefix: false };
  if (!Array.isArray(input)) throw new TypeError('A prompt is a string or a list of messages.');
  if (input.length === 0) return { messages: [{ role: 'user', content: '' }], prefix: false };
  const list: readonly LanguageModelMessage[] = input;
  const messages = list.map((message, index): ChatMessage => {
    const { role, content, prefix } = message ?? {};
    if (role !== 'system' && role !== 'user' && role !== 'assistant') {
      throw new TypeError(`The role of message ${index} is "${role}"; it must be system, user or assistant.`);
    }
    if (role === 'system' && (begun || index > 0)) {
      throw new TypeError('A system prompt must be the first message of a session.');
    }
    if (prefix && (role !== 'assistant' || index < list.length - 1)) {
      throw new DOMException('Only the last message can be a prefix, and only the assistant’s.', 'SyntaxError');
    }
    return { role, content: textOf(content, role) };
  });
  return { messages, prefix: list.at(-1)!.prefix === true };
}

/** The texts without anything between them. */
function textOf(content: LanguageModelMessage['content'], role: string): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw new TypeError('The content of a message is a string or a list.');
  const parts: readonly { readonly type: unknown; readonly value: unknown }[] = content;
  return parts
    .map((part) => {
      const { type, value } = part ?? {};
      if (type === 'text') {
        if (typeof value === 'string') return value;
        throw new TypeError('The value of a text is a string.');
      }
      if (['image', 'audio', 'tool-call', 'tool-response'].includes(type as string)) {
        throw notSupported(`Content of type "${type}" is not read in messages of the ${role}; use text.`);
      }
      throw new TypeError(`"${type}" is no type of content.`);
    })
    .join('');
}
