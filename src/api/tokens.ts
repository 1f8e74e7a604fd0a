/** Counting tokens, and text to ids and back, as requests do it. */
import type { TextEngine } from '../engine/request.ts';
import { objectWith, refuse } from './fields.ts';
import { parseConversation } from './request/validate.ts';
import type { TokenizeInput } from './types-text.ts';

/** @throws OutriderError `invalid_request`, `template_error` */
export async function tokenize(engine: Pick<TextEngine, 'encode'>, input: TokenizeInput): Promise<number[]> {
  if (typeof input === 'string') {
    const [whole, empty] = await Promise.all([engine.encode({ text: input }), engine.encode({ text: '' })]);
    return whole.ids.slice(empty.ids.length); // a prompt of its own would begin with the begin token
  }
  const conversation = Array.isArray(input) ? { messages: input } : input;
  const fields = objectWith(conversation, 'input', ['messages', 'tools', 'tool_choice']);
  return [...(await engine.encode(parseConversation(fields).prompt)).ids];
}

/** @throws OutriderError `invalid_request` for what are no ids of the model */
export async function detokenize(engine: Pick<TextEngine, 'decode'>, ids: readonly number[]): Promise<string> {
  const isId = (id: unknown) => Number.isSafeInteger(id) && (id as number) >= 0;
  if (!Array.isArray(ids) || !ids.every(isId)) throw refuse('ids', ids, 'a list of token ids');
  return engine.decode(ids);
}
