/** What becomes of every field that a request may have, for each of OpenAI's methods; and what is refused. */
import { type Fields, isGiven, refuse } from '../fields.ts';

/** `supported`: it does what OpenAI says it does. `refused`: only a value that asks for nothing passes. */
export type Support = 'supported' | 'refused';

/** Every field of OpenAI's `chat.completions.create`; a test compares them with those of the official package. */
export const CHAT_PARAMETERS = {
  messages: 'supported',
  model: 'supported',
  audio: 'refused',
  frequency_penalty: 'supported',
  function_call: 'refused',
  functions: 'refused',
  logit_bias: 'supported',
  logprobs: 'supported',
  max_completion_tokens: 'supported',
  max_tokens: 'supported',
  metadata: 'refused',
  modalities: 'refused',
  n: 'supported',
  parallel_tool_calls: 'supported',
  prediction: 'refused',
  presence_penalty: 'supported',
  prompt_cache_key: 'supported',
  prompt_cache_retention: 'refused',
  reasoning_effort: 'refused',
  response_format: 'supported',
  safety_identifier: 'supported',
  seed: 'supported',
  service_tier: 'refused',
  stop: 'supported',
  store: 'refused',
  stream: 'supported',
  stream_options: 'supported',
  temperature: 'supported',
  tool_choice: 'supported',
  tools: 'supported',
  top_logprobs: 'supported',
  top_p: 'supported',
  user: 'supported',
  verbosity: 'refused',
  web_search_options: 'refused',
} as const satisfies Record<string, Support>;

/** Every field of OpenAI's `completions.create`. */
export const TEXT_PARAMETERS = {
  model: 'supported',
  prompt: 'supported',
  best_of: 'refused',
  echo: 'supported',
  frequency_penalty: 'supported',
  logit_bias: 'supported',
  logprobs: 'supported',
  max_tokens: 'supported',
  n: 'supported',
  presence_penalty: 'supported',
  seed: 'supported',
  stop: 'supported',
  stream: 'supported',
  stream_options: 'supported',
  suffix: 'refused',
  temperature: 'supported',
  top_p: 'supported',
  user: 'supported',
} as const satisfies Record<string, Support>;

/** Fields beyond OpenAI's, of both methods. */
export const EXTENSIONS = ['top_k', 'min_p', 'repetition_penalty', 'ignore_eos', 'grammar'] as const;
/** And of conversations alone. */
export const CHAT_EXTENSIONS = [...EXTENSIONS, 'truncation', 'continue_final_message'] as const;

/** Of refused fields: the values, as JSON, that ask for nothing or for what happens anyway. */
const NEUTRAL: Readonly<Record<string, readonly string[]>> = {
  functions: ['[]'],
  metadata: ['{}'],
  modalities: ['["text"]'],
  prompt_cache_retention: ['"in-memory"', '"in_memory"'],
  reasoning_effort: ['"none"'],
  service_tier: ['"auto"', '"default"'],
  store: ['false'],
  verbosity: ['"medium"'],
  best_of: ['1'],
  suffix: ['""'],
};

const ADVICE: Readonly<Record<string, string>> = {
  audio: 'the model reads and writes text',
  function_call: 'use tool_choice',
  functions: 'use tools',
  metadata: 'nothing is stored',
  modalities: 'the model writes text',
  prediction: 'nothing is predicted from a draft',
  prompt_cache_retention: 'prompts are kept in memory alone',
  reasoning_effort: 'the model does not reason apart from its answer',
  service_tier: 'there is one',
  store: 'nothing is stored',
  verbosity: 'say it in a message',
  web_search_options: 'nothing is searched',
  best_of: 'use n',
  suffix: 'text is only continued at its end',
};

/**
 * Checks that a request has no field that is not known or not computed here.
 * @throws OutriderError `invalid_request` that names the field
 */
export function checkFields(
  request: Fields,
  parameters: Readonly<Record<string, Support>>,
  extensions: readonly string[],
): void {
  for (const [field, value] of Object.entries(request)) {
    if (!isGiven(value) || extensions.includes(field)) continue;
    const support = Object.hasOwn(parameters, field) ? parameters[field] : undefined;
    if (support === 'supported') continue;
    if (support === undefined) {
      const known = Object.keys(parameters).filter((name) => parameters[name] === 'supported');
      const allowed = `absent: the known fields are ${[...known, ...extensions].join(', ')}`;
      throw refuse(field, value, allowed, 'unknown_parameter');
    }
    const neutral = NEUTRAL[field] ?? [];
    if (neutral.includes(JSON.stringify(value))) continue;
    const reason = neutral.length > 0 ? 'unsupported_value' : 'unsupported_parameter';
    throw refuse(field, value, `${[...neutral, 'absent'].join(' or ')}: ${ADVICE[field]}`, reason);
  }
}
