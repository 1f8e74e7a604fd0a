/** One request to the engine, as a stream of text with an end. */
import { type ShownToolCall, withCalls } from '../../element/stream.ts';
import type { ChatCompletionChunk, ChatCompletionRequest, Engine, Usage } from '../../index.ts';
import type { AnswerParts, CallMade, ChosenToken, ComputedElsewhere } from './conversations/answer.ts';
import type { AnswerStats, Outcome } from './conversations/tree.ts';
import { isReadable } from './settings/json.ts';

export interface StreamListener {
  onText(text: string): void;
  /** All calls so far; the last one's arguments may still be growing. */
  onCalls(calls: readonly CallMade[]): void;
  /** @param perSecond tokens, from the second on */
  onRate(numTokens: number, perSecond: number): void;
}

export interface Ending {
  readonly outcome: Outcome;
  readonly stats?: AnswerStats | undefined;
}

/** Calls, tokens and origin of an answer, gathered from its chunks: what is there stays, however the answer ends. */
export class PartsGatherer {
  #calls: readonly ShownToolCall[] = [];
  readonly #tokens: ChosenToken[] = [];
  #remote: ComputedElsewhere | undefined;

  /** @returns whether the chunk has added to the calls */
  add({ choices, remote }: ChatCompletionChunk): boolean {
    const [choice] = choices;
    if (remote) {
      const { origin, model, superseded } = remote;
      this.#remote = { origin, model, ...(superseded !== undefined && { superseded }) };
    }
    for (const { token, logprob, top_logprobs: top } of choice?.logprobs?.content ?? []) {
      this.#tokens.push({ text: token, logprob, top: top.map((one) => ({ text: one.token, logprob: one.logprob })) });
    }
    const pieces = choice?.delta.tool_calls ?? [];
    this.#calls = withCalls(this.#calls, pieces);
    return pieces.length > 0;
  }

  get calls(): readonly CallMade[] {
    return this.#calls.map(({ id, function: called }) => ({ id, ...called }));
  }

  /** What is there at the answer's end; a call that was cut off is no call. */
  finish(): AnswerParts {
    const calls = this.calls.filter(({ arguments: args }) => isReadable(args, JSON.parse));
    return {
      ...(calls.length > 0 && { calls }),
      ...(this.#tokens.length > 0 && { tokens: this.#tokens }),
      ...(this.#remote && { remote: this.#remote }),
    };
  }
}

/** Streams an answer into `parts` and the listener. Rejects as `chat.completions.create` does. */
export async function streamAnswer(
  engine: Engine,
  request: Omit<ChatCompletionRequest, 'stream' | 'stream_options'>,
  signal: AbortSignal,
  parts: PartsGatherer,
  { onText, onCalls, onRate }: StreamListener,
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
    if (parts.add(chunk)) onCalls(parts.calls);
    if (choice?.delta.content) {
      onText(choice.delta.content);
      if (numChunks++ === 0) first = performance.now();
      else onRate(numChunks, ((numChunks - 1) * 1000) / (performance.now() - first));
    }
    if (choice?.finish_reason === 'length') outcome = 'length';
    if (chunk.usage) stats = statsOf(chunk.usage);
  }
  return { outcome, stats };
}

function statsOf(usage: Usage): AnswerStats {
  return {
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details.cached_tokens,
    completionTokens: usage.completion_tokens,
    tokensPerSecond: usage.extra.decode_tokens_per_s,
    secondsToFirstToken: usage.extra.time_to_first_token_s,
  };
}
