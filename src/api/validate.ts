/** Reads a request as untrusted input: every field is checked, and none is ignored. */
import { fromOpenAI } from '../chat/openai.ts';
import type { GenerateRequest } from '../engine/request.ts';
import { OutriderError } from '../errors.ts';

export interface ParsedRequest {
  readonly generate: GenerateRequest;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

const FIELDS = [
  'messages',
  'model',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'seed',
  'stop',
  'stream',
  'stream_options',
] as const;

/** Fields of OpenAI and its kin that are not computed here, with the one value, as JSON, that asks for nothing. */
const NEUTRAL: Readonly<Record<string, string>> = {
  n: '1',
  logprobs: 'false',
  top_logprobs: '0',
  presence_penalty: '0',
  frequency_penalty: '0',
  repetition_penalty: '1',
  logit_bias: '{}',
  response_format: '{"type":"text"}',
  tools: '[]',
  tool_choice: '"none"',
};

/**
 * @param modelId the only value that `model` may have
 * @throws OutriderError `invalid_request`; `details`: field, value (as JSON), allowed
 */
export function parseRequest(request: unknown, modelId: string): ParsedRequest {
  if (!isObject(request)) throw refuse('request', request, 'an object');
  for (const [field, value] of Object.entries(request)) if (isGiven(value)) checkKnown(field, value);
  if (isGiven(request.model) && request.model !== modelId) {
    throw refuse('model', request.model, `"${modelId}", the model that this engine has loaded, or absent`);
  }
  if (!Array.isArray(request.messages) || request.messages.length === 0) {
    throw refuse('messages', request.messages, 'a list of at least one message');
  }
  const stream = boolean(request, 'stream') ?? false;
  return {
    generate: {
      prompt: { messages: fromOpenAI(request.messages) },
      sampling: {
        temperature: number(request, 'temperature', 0, 2),
        topP: number(request, 'top_p', 0, 1),
        topK: integer(request, 'top_k', 0),
        minP: number(request, 'min_p', 0, 1),
      },
      seed: integer(request, 'seed', Number.MIN_SAFE_INTEGER),
      maxTokens: maxTokens(request),
      stops: stops(request.stop),
    },
    stream,
    includeUsage: includeUsage(request.stream_options, stream),
  };
}

function checkKnown(field: string, value: unknown): void {
  if ((FIELDS as readonly string[]).includes(field)) return;
  const neutral = Object.hasOwn(NEUTRAL, field) ? NEUTRAL[field] : undefined;
  if (neutral === undefined) throw refuse(field, value, `absent: the known fields are ${FIELDS.join(', ')}`);
  if (JSON.stringify(value) !== neutral) throw refuse(field, value, `${neutral} or absent: this is not supported yet`);
}

function maxTokens(request: Fields): number | undefined {
  const old = integer(request, 'max_tokens', 1);
  const current = integer(request, 'max_completion_tokens', 1);
  if (old !== undefined && current !== undefined && old !== current) {
    throw refuse('max_tokens', old, `equal to max_completion_tokens, which is ${current}, or absent`);
  }
  return current ?? old;
}

function stops(value: unknown): readonly string[] {
  if (!isGiven(value)) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isStop = (stop: unknown): stop is string => typeof stop === 'string' && stop !== '';
  if (list.length > 4 || !list.every(isStop)) throw refuse('stop', value, 'a non-empty string, or up to 4 of them');
  return list;
}

function includeUsage(value: unknown, stream: boolean): boolean {
  if (!isGiven(value)) return false;
  if (!stream) throw refuse('stream_options', value, 'absent unless stream is true');
  if (!isObject(value)) throw refuse('stream_options', value, 'an object');
  const unknown = Object.keys(value).find((key) => key !== 'include_usage');
  if (unknown !== undefined)
    throw refuse(`stream_options.${unknown}`, value[unknown], 'absent: only include_usage is known');
  return boolean(value, 'include_usage', 'stream_options.') ?? false;
}

function number(request: Fields, field: string, low: number, high: number): number | undefined {
  const value = request[field];
  if (!isGiven(value)) return undefined;
  if (typeof value === 'number' && value >= low && value <= high) return value;
  throw refuse(field, value, `a number from ${low} to ${high}`);
}

function integer(request: Fields, field: string, low: number): number | undefined {
  const value = request[field];
  if (!isGiven(value)) return undefined;
  if (Number.isSafeInteger(value) && (value as number) >= low) return value as number;
  throw refuse(field, value, `an integer${low === Number.MIN_SAFE_INTEGER ? ' within 2^53' : ` of at least ${low}`}`);
}

function boolean(fields: Fields, field: string, path = ''): boolean | undefined {
  const value = fields[field];
  if (!isGiven(value)) return undefined;
  if (typeof value === 'boolean') return value;
  throw refuse(`${path}${field}`, value, 'true or false');
}

/** OpenAI's clients send null for what they leave out. */
const isGiven = (value: unknown) => value !== undefined && value !== null;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function refuse(field: string, value: unknown, allowed: string): OutriderError {
  const shown = value === undefined ? 'missing' : (JSON.stringify(value) ?? String(value)).slice(0, 200);
  return new OutriderError('invalid_request', `${field} is ${shown}; it must be ${allowed}.`, {
    details: { field, value: shown, allowed },
  });
}
