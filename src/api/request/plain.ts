/**
 * Requests that ask for nothing but the next answer of a conversation of texts. Most are such, the chat page's among them: what
 * reads all others, and what says why one is refused, is loaded with the first of those.
 */
import type { TemplateMessage } from '../../chat/template.ts';
import { NO_TOOLS, type ParsedRequest } from './parsed.ts';

const ROLES: readonly unknown[] = ['system', 'user', 'assistant'];

/** As `parseRequest` reads it; undefined where that has to. */
export function plainRequest(request: unknown): ParsedRequest | undefined {
  const { messages: given, stream, stream_options: options, ...others } = Object(request);
  const messages = plainMessages(given);
  const hasPlainOptions =
    options === undefined || (options?.include_usage === true && Object.keys(options).length === 1);
  if (!messages || stream !== true || !hasPlainOptions || Object.keys(others).length > 0) return undefined;
  const includeUsage = options !== undefined;
  return {
    generate: { prompt: { messages }, sampling: {}, stops: [] },
    stream,
    includeUsage,
    toolUse: NO_TOOLS,
    grammar: undefined,
  };
}

/** A copy of messages that the template takes as they are; undefined where some are not such. */
export function plainMessages(messages: unknown): TemplateMessage[] | undefined {
  if (!Array.isArray(messages) || messages.length === 0) return undefined;
  const isPlain = messages.every(
    (message) =>
      ROLES.includes(message?.role) && typeof message.content === 'string' && Object.keys(message).length === 2,
  );
  return isPlain ? messages.map(({ role, content }) => ({ role, content })) : undefined;
}
