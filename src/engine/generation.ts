/** One answer: tokens from the session become text, until an end token, a stop string, a finished grammar or the limit. */
import type { Adjustment, Sampled } from '../model/runner.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { Answer, describeLogprobs } from './answer.ts';
import type { Constraint } from './constraint.ts';
import type { PrefillEvent, RoutingEvent } from './events.ts';
import type { ChosenLogprob, FinishReason, GenerationEvent } from './request.ts';
import type { SamplingAt, Session } from './session.ts';
import type { Stopwatch } from './stats.ts';

/** All that one choice needs. */
export interface Job {
  /** 0-based. */
  readonly choice: number;
  readonly session: Session;
  readonly tokenizer: Tokenizer;
  readonly endIds: ReadonlySet<number>;
  readonly prompt: readonly number[];
  /** Tokens to choose at most, >= 1; the context has room for them. */
  readonly limit: number;
  readonly samplingAt: SamplingAt;
  readonly adjustment: Adjustment | undefined;
  /** undefined: every id is allowed. `samplingAt` obeys it. */
  readonly constraint: Constraint | undefined;
  readonly stops: readonly string[];
  readonly stopwatch: Stopwatch;
  /** undefined: nobody listens now. */
  readonly listener: () => ((event: RoutingEvent | PrefillEvent) => void) | undefined;
  /** Gets the ids of the text that was given out, once, however the generation ends; not where a stop string cut it. */
  readonly onAnswer: (ids: readonly number[], text: string) => void;
}

/**
 * Generates. The last event is `end`; steps that run ahead of it may still be on the GPU then, and the generator is
 * done when they have come back.
 * @throws the signal's reason, or what the runner or the source of masks throws
 */
export async function* generateText(job: Job, signal: AbortSignal): AsyncGenerator<GenerationEvent, void, undefined> {
  const { choice, prompt, tokenizer, stopwatch, constraint } = job;
  const answer = new Answer(tokenizer, job.stops);
  const lastOfPrompt = prompt.at(-1)!;
  let input = {
    id: lastOfPrompt,
    position: prompt.length - 1,
    text: tokenizer.decode([lastOfPrompt], { skipSpecial: false }),
  };
  let completion = 0;
  try {
    for await (const { id, position, experts, logprobs } of chooseTokens(job, signal)) {
      stopwatch.token();
      completion++;
      job.listener()?.({ type: 'routing', ...input, experts: [...experts] });
      const token = logprobs && describeLogprobs(tokenizer, id, logprobs);
      const ended = job.endIds.has(id);
      const finished = ended || (constraint !== undefined && !(await constraint.accept(id)));
      const last = finished || completion === job.limit;
      const completed = ended ? '' : answer.push(id, token);
      input = { id, position, text: completed };
      const { text, tokens } = answer.release(completed, last);
      if (text !== '' || tokens.length > 0) yield { type: 'text', choice, text, ...withTokens(token && tokens) };
      if (answer.stopped || last) {
        const finishReason: FinishReason = answer.stopped || finished ? 'stop' : 'length';
        yield { type: 'end', choice, finishReason, ...withTokens(ended && token ? [token] : undefined) };
        return;
      }
    }
  } finally {
    answer.report(job.onAnswer);
  }
}

const withTokens = (tokens: readonly ChosenLogprob[] | undefined) => (tokens ? { tokens } : {});

/** The choice after the prompt, then one per step. */
async function* chooseTokens(
  job: Job,
  signal: AbortSignal,
): AsyncGenerator<Sampled & { readonly position: number }, void, undefined> {
  const { session, prompt, samplingAt, adjustment, constraint, choice } = job;
  const onProgress = (processed: number, total: number) => job.listener()?.({ type: 'prefill', processed, total });
  await constraint?.start();
  // Answers of one request are not parked: that would be a copy of their common prompt for each.
  const options = { signal, onProgress, adjustment, park: choice === 0 };
  const { sampled, cachedTokens } = await session.prefill(prompt, samplingAt, options);
  job.stopwatch.prefilled(cachedTokens);
  yield { ...sampled, position: prompt.length };
  yield* session.decode(job.limit - 1, samplingAt, signal, constraint && 1);
}
