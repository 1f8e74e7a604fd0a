/** Counting tokens, and text to ids and back, as requests do it. */
import type { ConversationPrompt, TextEngine } from '../engine/request.ts';
import { plainMessages } from './request/plain.ts';
import type { TokenizeInput } from './types-text.ts';

/** @throws OutriderError `invalid_request`, `template_error` */
export async function tokenize(engine: Pick<TextEngine, 'encode'>, input: TokenizeInput): Promise<number[]> {
  if (typeof input === 'string') {
    const [whole, empty] = await Promise.all([engine.encode({ text: input }), engine.encode({ text: '' })]);
    return whole.ids.slice(empty.ids.length); // a prompt of its own would begin with the begin token
  }
  const conversation = Array.isArray(input) ? { messages: input } : input;
  return [...(await engine.encode(await promptOf(conversation))).ids];
}

/** @throws OutriderError `invalid_request` for what are no ids of the model */
export async function detokenize(engine: Pick<TextEngine, 'decode'>, ids: readonly number[]): Promise<string> {
  const isId = (id: unknown) => Number.isSafeInteger(id) && (id as number) >= 0;
  if (Array.isArray(ids) && ids.every(isId)) return engine.decode(ids);
  throw (await import('./request/token-input.ts')).refuseIds(ids);
}

async function promptOf(conversation: unknown): Promise<ConversationPrompt> {
  const { messages: given, ...others } = Object(conversation);
  const messages = Object.keys(others).length > 0 ? undefined : plainMessages(given);
  if (messages) return { messages };
  return (await import('./request/token-input.ts')).parsePrompt(conversation);
}
