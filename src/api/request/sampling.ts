/** The fields that all of OpenAI's methods share: how to choose tokens, and when to end. */
import type { GenerateRequest } from '../../engine/request.ts';
import {
  booleanField,
  type Fields,
  integerField,
  isFields,
  isGiven,
  numberField,
  refuse,
  stringField,
} from '../fields.ts';

/** OpenAI's own limit. */
const MAX_CHOICES = 128;
const MAX_STOPS = 4;
const MAX_BIAS = 100;

/** All of `GenerateRequest` that conversations and plain prompts have in common. */
export type CommonRequest = Omit<GenerateRequest, 'prompt' | 'maxTokens' | 'logprobs' | 'overflow'>;

/** @throws OutriderError `invalid_request` */
export function parseCommon(request: Fields): CommonRequest {
  return {
    sampling: {
      temperature: numberField(request, 'temperature', 0, 2),
      topP: numberField(request, 'top_p', 0, 1),
      topK: integerField(request, 'top_k', 0),
      minP: numberField(request, 'min_p', 0, 1),
      repetitionPenalty: repetitionPenalty(request),
    },
    presencePenalty: numberField(request, 'presence_penalty', -2, 2),
    frequencyPenalty: numberField(request, 'frequency_penalty', -2, 2),
    logitBias: logitBias(request.logit_bias),
    seed: integerField(request, 'seed', Number.MIN_SAFE_INTEGER),
    choices: integerField(request, 'n', 1, MAX_CHOICES),
    stops: stops(request.stop),
    ignoreEnd: booleanField(request, 'ignore_eos'),
    client: client(request),
  };
}

/** @throws OutriderError `invalid_request` if `model` is given and is another one than the engine has loaded */
export function checkModel(model: unknown, loaded: string): void {
  if (!isGiven(model) || model === loaded) return;
  throw refuse('model', model, `"${loaded}", the model that this engine has loaded, or absent`, 'model_not_found');
}

export interface StreamFields {
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

export function parseStream(request: Fields): StreamFields {
  const stream = booleanField(request, 'stream') ?? false;
  const options = request.stream_options;
  if (!isGiven(options)) return { stream, includeUsage: false };
  if (!stream) throw refuse('stream_options', options, 'absent unless stream is true');
  if (!isFields(options)) throw refuse('stream_options', options, 'an object');
  for (const [key, value] of Object.entries(options)) {
    const param = `stream_options.${key}`;
    const passes = key === 'include_usage' || !isGiven(value) || (key === 'include_obfuscation' && value === false);
    if (!passes) throw refuse(param, value, 'absent: only include_usage is known', 'unsupported_parameter');
  }
  return { stream, includeUsage: booleanField(options, 'include_usage', 'stream_options.include_usage') ?? false };
}

function repetitionPenalty(request: Fields): number | undefined {
  const value = numberField(request, 'repetition_penalty', 0, Number.MAX_VALUE);
  if (value === 0) throw refuse('repetition_penalty', value, 'a number above 0; 1 changes nothing');
  return value;
}

function logitBias(value: unknown): GenerateRequest['logitBias'] {
  if (!isGiven(value)) return undefined;
  if (!isFields(value)) throw refuse('logit_bias', value, 'an object of token ids and biases');
  const biases = Object.entries(value).map(([key, bias]): [number, number] => {
    if (!/^(?:0|[1-9]\d{0,9})$/.test(key)) throw refuse('logit_bias', key, 'an object whose keys are token ids');
    const allowed = typeof bias === 'number' && Math.abs(bias) <= MAX_BIAS;
    if (!allowed) throw refuse(`logit_bias.${key}`, bias, `a number from ${-MAX_BIAS} to ${MAX_BIAS}`);
    return [Number(key), bias];
  });
  return biases.length > 0 ? biases : undefined;
}

function stops(value: unknown): readonly string[] {
  if (!isGiven(value)) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isStop = (stop: unknown): stop is string => typeof stop === 'string' && stop !== '';
  if (list.length > MAX_STOPS || !list.every(isStop)) {
    throw refuse('stop', value, `a non-empty string, or up to ${MAX_STOPS} of them`);
  }
  return list;
}

/** Who asks. */
function client(request: Fields): string | undefined {
  return stringField(request, 'safety_identifier') ?? stringField(request, 'user');
}
