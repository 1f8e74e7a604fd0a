/** One request to the engine, as a stream of text with an end. */
import type { ChatCompletionRequest, Engine } from '../../index.ts';
import type { AnswerStats, Outcome } from './conversations/tree.ts';

export interface StreamListener {
  onText(text: string): void;
  /** @param perSecond tokens, from the second on */
  onRate(numTokens: number, perSecond: number): void;
}

export interface Ending {
  readonly outcome: Outcome;
  readonly stats?: AnswerStats | undefined;
}

/** Streams an answer. Rejects as `chat.completions.create` does. */
export async function streamAnswer(
  engine: Engine,
  request: Omit<ChatCompletionRequest, 'stream' | 'stream_options'>,
  signal: AbortSignal,
  { onText, onRate }: StreamListener,
): Promise<Ending> {
  const stream = await engine.chat.completions.create(
    { ...request, stream: true, stream_options: { include_usage: true } },
    { signal },
  );
  let outcome: Outcome = 'complete';
  let stats: AnswerStats | undefined;
  let numChunks = 0;
  let first = 0;
  for await (const chunk of stream) {
    const [choice] = chunk.choices;
    if (choice?.delta.content) {
      onText(choice.delta.content);
      if (numChunks++ === 0) first = performance.now();
      else onRate(numChunks, ((numChunks - 1) * 1000) / (performance.now() - first));
    }
    if (choice?.finish_reason === 'length') outcome = 'length';
    if (chunk.usage) {
      stats = {
        promptTokens: chunk.usage.prompt_tokens,
        cachedTokens: chunk.usage.prompt_tokens_details.cached_tokens,
        completionTokens: chunk.usage.completion_tokens,
        tokensPerSecond: chunk.usage.extra.decode_tokens_per_s,
        secondsToFirstToken: chunk.usage.extra.time_to_first_token_s,
      };
    }
  }
  return { outcome, stats };
}
