/** Reads a request as untrusted input: every field is checked, and none is ignored. */
import { fromOpenAI } from '../../chat/openai.ts';
import type { TemplateMessage } from '../../chat/template.ts';
import type { ConversationPrompt } from '../../engine/request.ts';
import { booleanField, type Fields, integerField, isFields, isGiven, refuse, stringField } from '../fields.ts';
import type { GrammarSpec } from '../grammars.ts';
import { parseFormat } from './format.ts';
import type { ParsedRequest, ToolUse } from './parsed.ts';
import { checkModel, parseCommon, parseStream } from './sampling.ts';
import { CHAT_EXTENSIONS, CHAT_PARAMETERS, checkFields } from './support.ts';
import { parseTools } from './tools.ts';

/** OpenAI's own limit is that of the engine's records. */
export const MAX_LOGPROBS = 20;

/**
 * @param modelId the only value that `model` may have
 * @throws OutriderError `invalid_request`; `details`: param, value (as JSON), allowed, reason
 */
export function parseRequest(request: unknown, modelId: string): ParsedRequest {
  if (!isFields(request)) throw refuse('request', request, 'an object');
  checkFields(request, CHAT_PARAMETERS, CHAT_EXTENSIONS);
  checkModel(request.model, modelId);
  stringField(request, 'prompt_cache_key'); // the prefix cache is one for all: a key for it changes nothing
  const { prompt, toolUse } = parseConversation(request);
  return {
    generate: {
      prompt,
      ...parseCommon(request),
      logprobs: logprobs(request),
      maxTokens: maxTokens(request),
      overflow: overflow(request),
    },
    ...parseStream(request),
    toolUse,
    grammar: onlyGrammar(parseFormat(request), toolUse),
  };
}

/** What of a request makes its prompt. @throws OutriderError `invalid_request` */
export function parseConversation(request: Fields): {
  readonly prompt: ConversationPrompt;
  readonly toolUse: ToolUse;
} {
  const toolUse = parseTools(request);
  const messages = fromOpenAI(request.messages);
  const answer = booleanField(request, 'continue_final_message') ? begunAnswer(messages) : undefined;
  return {
    prompt: { messages: messages.slice(0, answer === undefined ? undefined : -1), tools: toolUse.described, answer },
    toolUse,
  };
}

/** The last message's text, which the answer goes on after. */
function begunAnswer(messages: readonly TemplateMessage[]): string {
  const { role, content, tool_calls: calls } = messages.at(-1)!;
  if (role === 'assistant' && typeof content === 'string' && !calls && messages.length > 1) return content;
  throw refuse('continue_final_message', true, 'absent unless an assistant’s text is the last of several messages');
}

/** A grammar rules the whole answer, so that it cannot leave the choice between a call and a form. */
function onlyGrammar(format: GrammarSpec | undefined, { callable, grammar }: ToolUse): GrammarSpec | undefined {
  if (!format || !callable) return format ?? grammar;
  const allowed = '"text" or absent beside tools, unless tool_choice is "none": an answer cannot be both';
  throw refuse(format.kind === 'ebnf' ? 'grammar' : 'response_format', format.kind, allowed, 'unsupported_value');
}

function maxTokens(request: Fields): number | undefined {
  const old = integerField(request, 'max_tokens', 1);
  const current = integerField(request, 'max_completion_tokens', 1);
  if (old !== undefined && current !== undefined && old !== current) {
    throw refuse('max_tokens', old, `equal to max_completion_tokens, which is ${current}, or absent`);
  }
  return current ?? old;
}

function logprobs(request: Fields): number | undefined {
  const wanted = booleanField(request, 'logprobs') ?? false;
  const top = integerField(request, 'top_logprobs', 0, MAX_LOGPROBS);
  if (!wanted && top !== undefined && top > 0) throw refuse('top_logprobs', top, 'absent unless logprobs is true');
  return wanted ? (top ?? 0) : undefined;
}

function overflow({ truncation }: Fields): 'error' | 'truncate' | undefined {
  if (!isGiven(truncation)) return undefined;
  if (truncation === 'error' || truncation === 'truncate') return truncation;
  throw refuse('truncation', truncation, '"error" or "truncate"');
}
