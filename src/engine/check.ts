/** What a request must be before anything is computed for it. OpenAI's shapes are checked where they are read. */
import { OutriderError } from '../errors.ts';
import type { GenerateRequest, Prompt } from './request.ts';

/** @throws OutriderError `invalid_request`; `details`: field, value, allowed */
export function checkRequest(request: GenerateRequest, numTokens: number): void {
  const { choices = 1, maxTokens = 1, logprobs = 0, presencePenalty = 0, frequencyPenalty = 0, seed = 0 } = request;
  const { repetitionPenalty = 1 } = request.sampling;
  requireInteger('choices', choices, 1);
  requireInteger('maxTokens', maxTokens, 1);
  requireInteger('logprobs', logprobs, 0, 20);
  requireInteger('seed', seed, Number.MIN_SAFE_INTEGER);
  requireNumber('presencePenalty', presencePenalty, -2, 2);
  requireNumber('frequencyPenalty', frequencyPenalty, -2, 2);
  if (!(repetitionPenalty > 0 && Number.isFinite(repetitionPenalty))) {
    throw refuse('repetitionPenalty', repetitionPenalty, 'a number above 0');
  }
  if (request.stops?.includes('')) throw refuse('stops', '', 'strings that are not empty');
  if (request.overflow === 'truncate' && !('messages' in request.prompt)) {
    throw refuse('overflow', 'truncate', "'error', or the prompt must be a conversation: text and ids have no turns");
  }
  checkBias(request.logitBias ?? [], numTokens);
  checkPrompt(request.prompt, numTokens);
}

/** @throws OutriderError `invalid_request` for ids that the tokenizer lacks */
export function checkPrompt(prompt: Prompt, numTokens: number): void {
  if (!('ids' in prompt)) return;
  if (prompt.ids.length === 0) throw refuse('prompt.ids', '[]', 'at least one id');
  for (const [index, id] of prompt.ids.entries()) requireInteger(`prompt.ids[${index}]`, id, 0, numTokens - 1);
}

function checkBias(bias: NonNullable<GenerateRequest['logitBias']>, numTokens: number): void {
  const seen = new Set<number>();
  for (const [id, value] of bias) {
    requireInteger('an id of logitBias', id, 0, numTokens - 1);
    requireNumber(`logitBias of ${id}`, value, -100, 100);
    if (seen.has(id)) throw refuse('logitBias', id, 'one bias for each id');
    seen.add(id);
  }
}

function requireInteger(field: string, value: number, min: number, max = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isSafeInteger(value)) throw refuse(field, value, 'a whole number');
  requireNumber(field, value, min, max);
}

function requireNumber(field: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw refuse(field, value, max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `${min} to ${max}`);
}

function refuse(field: string, value: string | number, allowed: string): OutriderError {
  const found = value === '' ? 'empty' : String(value);
  return new OutriderError('invalid_request', `${field} is ${found}; it must be ${allowed}.`, {
    details: { field, value: found, allowed },
  });
}
