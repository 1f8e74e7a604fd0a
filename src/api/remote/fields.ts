/** A request's fields as a server gets them: those that ask for something, in OpenAI's names. */
import type { GenerateRequest } from '../../engine/request.ts';
import type { SamplingFields } from '../../engine/sampling.ts';
import { OutriderError } from '../../errors.ts';
import { type Fields, isGiven } from '../fields.ts';
import type { ChatCompletionRequest } from '../types.ts';

/**
 * How tokens are chosen. What the request leaves to the model is said, so that it does not change with the place; names that
 * OpenAI does not have (`top_k`, `min_p`, `repetition_penalty`, `ignore_eos`; vLLM has them) only where they ask for something.
 * @param defaults of the model that is loaded here; undefined where none is: then the server's own hold
 * @param choice 0-based: the same seed would give the same answer `n` times
 */
export function samplingFields(request: GenerateRequest, defaults: SamplingFields | undefined, choice: number): Fields {
  const { sampling, presencePenalty, frequencyPenalty, logitBias, seed, stops, ignoreEnd } = request;
  const temperature = sampling.temperature ?? defaults?.temperature;
  const isGreedy = temperature === 0;
  const unless = <T>(value: T | undefined, neutral: T) => (value === neutral ? undefined : value);
  return given({
    temperature,
    top_p: isGreedy ? undefined : (sampling.topP ?? defaults?.topP),
    top_k: isGreedy ? undefined : unless(sampling.topK ?? defaults?.topK, 0),
    min_p: isGreedy ? undefined : unless(sampling.minP ?? defaults?.minP, 0),
    repetition_penalty: unless(sampling.repetitionPenalty ?? defaults?.repetitionPenalty, 1),
    presence_penalty: unless(presencePenalty, 0),
    frequency_penalty: unless(frequencyPenalty, 0),
    logit_bias: logitBias && Object.fromEntries(logitBias),
    seed: seed === undefined ? undefined : seed + choice,
    stop: stops && stops.length > 0 ? stops : undefined,
    ignore_eos: ignoreEnd || undefined,
  });
}

/** Names that mean the same to every server; who asks, keys of caches and the like are nobody's business but the app's. */
const PASSED = [
  'messages',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'logprobs',
  'top_logprobs',
  'max_tokens',
  'max_completion_tokens',
] as const satisfies (keyof ChatCompletionRequest)[];

/** A conversation that is answered from its beginning. `truncation` is left out: how much fits is the server's affair. */
export function conversationFields(request: ChatCompletionRequest): Fields {
  return given(Object.fromEntries(PASSED.map((name) => [name, request[name]])));
}

/** What of a request no server understands; undefined where there is nothing. */
export function unsayable({ grammar, response_format: format, continue_final_message }: ChatCompletionRequest) {
  if (isGiven(grammar)) return 'grammar';
  if (format?.type === 'grammar') return 'response_format of type "grammar"';
  return continue_final_message ? 'continue_final_message' : undefined;
}

/** The error that generating here ended with, and why it could not go on elsewhere although that is allowed. */
export function notMovable({ code, message, details }: OutriderError, why: string): OutriderError {
  return new OutriderError(code, `${message} It could not go on at the fallback either: ${why}.`, { details });
}

function given(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isGiven(value)));
}
