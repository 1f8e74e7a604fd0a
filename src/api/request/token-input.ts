/** What `tokenize` and `detokenize` are given, where it is no text and no plain conversation. Loaded with the first such. */
import type { ConversationPrompt } from '../../engine/request.ts';
import type { OutriderError } from '../../errors.ts';
import { objectWith, refuse } from '../fields.ts';
import { parseConversation } from './validate.ts';

/** @throws OutriderError `invalid_request` */
export const parsePrompt = (conversation: unknown): ConversationPrompt =>
  parseConversation(objectWith(conversation, 'input', ['messages', 'tools', 'tool_choice'])).prompt;

export const refuseIds = (ids: unknown): OutriderError => refuse('ids', ids, 'a list of token ids');
