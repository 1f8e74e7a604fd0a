/** From attributes and properties to the fields of a request. Pure. */
import { OutriderError } from '../errors.ts';

/**
 * Fields of a chat completion in OpenAI's names: `temperature`, `top_p`, `top_k`, `min_p`, `max_tokens`, `seed`, `stop`,
 * `presence_penalty`, `response_format`, ...; the engine says which it has.
 */
export type Sampling = Readonly<Record<string, unknown>>;

/** What attributes say; undefined where there is none. */
export interface SamplingAttributes {
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly maxTokens: number | undefined;
  readonly seed: number | undefined;
}

/** Fields that are the element's own, and where to say it instead. */
const own: Readonly<Record<string, string>> = {
  messages: 'the property `messages`',
  model: 'the attribute `model`',
  tools: 'the property `tools`',
  stream: 'nothing: the element always streams',
  stream_options: 'nothing: the element shows no usage',
  n: 'nothing: the element shows one answer',
};

/**
 * `sampling` overrides attributes. What is undefined is left out.
 * @throws OutriderError `invalid_request` for an attribute that is no number, and for a field that is the element's own
 */
export function samplingFields(attributes: SamplingAttributes, sampling: Sampling): Record<string, unknown> {
  const { temperature, topP, maxTokens, seed } = attributes;
  const numbers = { temperature, top_p: topP, max_tokens: maxTokens, seed };
  for (const [field, value] of Object.entries(numbers)) {
    const attribute = field.replace('_', '-');
    if (Number.isNaN(value))
      throw refuse(field, `The attribute ${attribute} is not a number. Write one, or leave it out.`);
  }
  for (const field of Object.keys(sampling)) {
    if (Object.hasOwn(own, field)) throw refuse(field, `sampling.${field} cannot be set; use ${own[field]}.`);
  }
  return Object.fromEntries(Object.entries({ ...numbers, ...sampling }).filter(([, value]) => value !== undefined));
}

function refuse(field: string, message: string): OutriderError {
  return new OutriderError('invalid_request', message, { details: { field } });
}
