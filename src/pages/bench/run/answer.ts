/** One answer as a person gets it: through the public API, in a worker, streamed into the page, which watches its own frames. */
import type { AnswerResult } from '../../../bench/results.ts';
import { createEngine, type Engine, type LoadProgress, OutriderError, type Usage } from '../../../index.ts';
import type { ModelLocation } from '../../../storage/open.ts';
import { FrameMeter } from './frames.ts';

export interface AnswerRequest {
  readonly model: ModelLocation;
  readonly maxTokens: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: LoadProgress) => void;
  /** The whole text so far. */
  readonly onText: (text: string) => void;
}

const PROMPT = 'Tell me a story about a dragon';

/** Loads the model, asks, and frees it again. @throws OutriderError of loading or answering, or the signal's reason */
export async function measureAnswer({
  model,
  maxTokens,
  signal,
  onProgress,
  onText,
}: AnswerRequest): Promise<AnswerResult> {
  const engine = await createEngine(model, { signal, onProgress });
  try {
    await ask(engine, 'Hello', { maxTokens: 8, signal, onText: () => {} }); // the first answer still compiles pipelines
    const frames = new FrameMeter();
    frames.start();
    const { completion_tokens: tokens, extra } = await ask(engine, PROMPT, { maxTokens, signal, onText });
    const { medianSeconds, longestSeconds } = frames.stop();
    return {
      tokens,
      firstTokenSeconds: extra.time_to_first_token_s,
      tokensPerSecond: extra.decode_tokens_per_s,
      medianFrameSeconds: medianSeconds,
      longestFrameSeconds: longestSeconds,
    };
  } finally {
    await engine.unload().catch(() => {}); // a lost device cannot even be given back
  }
}

/** Streams one greedy answer. @returns what it cost */
async function ask(
  engine: Engine,
  content: string,
  { maxTokens, signal, onText }: Pick<AnswerRequest, 'maxTokens' | 'signal' | 'onText'>,
): Promise<Usage> {
  const request = {
    messages: [{ role: 'user', content }],
    stream: true,
    temperature: 0,
    max_tokens: maxTokens,
  } as const;
  const options = { include_usage: true };
  const stream = await engine.chat.completions.create({ ...request, stream_options: options }, { signal });
  let text = '';
  let usage: Usage | undefined;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    onText(text);
    usage = chunk.usage ?? usage;
  }
  if (!usage) throw new OutriderError('worker_failed', 'The stream ended without its usage. Reload the page.');
  return usage;
}
