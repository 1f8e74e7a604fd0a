/** One answer: tokens from the session become text, until an end token, a stop string or the limit. */
import type { Sampled } from '../model/runner.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { PrefillEvent, RoutingEvent } from './events.ts';
import type { FinishReason, GenerationEvent } from './request.ts';
import type { SamplingAt, Session } from './session.ts';
import type { Stopwatch } from './stats.ts';
import { StopMatcher } from './stop.ts';

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
 * @throws the signal's reason, or what the runner throws
 */
export async function* generateText(job: Job, signal: AbortSignal): AsyncGenerator<GenerationEvent, void, undefined> {
  const { prompt, tokenizer, stopwatch } = job;
  const answer = new Answer(tokenizer, job.stops);
  const lastOfPrompt = prompt.at(-1)!;
  let input = {
    id: lastOfPrompt,
    position: prompt.length - 1,
    text: tokenizer.decode([lastOfPrompt], { skipSpecial: false }),
  };
  const { choice } = job;
  let completion = 0;
  const end = (finishReason: FinishReason): GenerationEvent => ({ type: 'end', choice, finishReason });
  try {
    for await (const { id, position, experts } of chooseTokens(job, signal)) {
      stopwatch.token();
      completion++;
      job.listener()?.({ type: 'routing', ...input, experts: [...experts] });
      const ended = job.endIds.has(id);
      const last = ended || completion === job.limit;
      const shown = ended ? '' : answer.push(id);
      input = { id, position, text: shown };
      const text = answer.release(shown, last);
      if (text !== '') yield { type: 'text', choice, text };
      if (answer.stopped || last) {
        yield end(answer.stopped || ended ? 'stop' : 'length');
        return;
      }
    }
  } finally {
    answer.report(job.onAnswer);
  }
}

/** The choice after the prompt, then one per step. */
async function* chooseTokens(
  job: Job,
  signal: AbortSignal,
): AsyncGenerator<Sampled & { readonly position: number }, void, undefined> {
  const { session, prompt, samplingAt } = job;
  const onProgress = (processed: number, total: number) => job.listener()?.({ type: 'prefill', processed, total });
  const { sampled, cachedTokens } = await session.prefill(prompt, samplingAt, { signal, onProgress });
  job.stopwatch.prefilled(cachedTokens);
  yield { ...sampled, position: prompt.length };
  yield* session.decode(job.limit - 1, samplingAt, signal);
}

/** A character has at most four bytes, so at most three ids at the end are an incomplete one. */
const MAX_INCOMPLETE_IDS = 3;

/** The text of the ids chosen so far. */
class Answer {
  stopped = false;
  readonly #tokenizer: Tokenizer;
  readonly #decoder: ReturnType<Tokenizer['createDecoder']>;
  readonly #matcher: StopMatcher;
  readonly #ids: number[] = [];
  #text = '';

  constructor(tokenizer: Tokenizer, stops: readonly string[]) {
    this.#tokenizer = tokenizer;
    this.#decoder = tokenizer.createDecoder({ skipSpecial: true });
    this.#matcher = new StopMatcher(stops);
  }

  /** Returns the characters that this id completes. */
  push(id: number): string {
    this.#ids.push(id);
    return this.#decoder.push(id);
  }

  /**
   * Returns what may be shown of `text` and of what was held back before.
   * @param last nothing follows: give out everything, broken characters as U+FFFD
   */
  release(text: string, last: boolean): string {
    const matched = this.#matcher.push(last ? text + this.#decoder.end() : text);
    this.stopped = matched.stopped;
    const shown = last && !matched.stopped ? matched.text + this.#matcher.end() : matched.text;
    this.#text += shown;
    return shown;
  }

  /** Hands over the ids that decode to exactly the text that was shown; after an abort that may be a few less than chosen. */
  report(onAnswer: Job['onAnswer']): void {
    if (this.stopped) return;
    const isShown = () => this.#tokenizer.decode(this.#ids, { skipSpecial: true }) === this.#text;
    for (let dropped = 0; dropped < MAX_INCOMPLETE_IDS && !isShown(); dropped++) this.#ids.pop();
    if (this.#ids.length > 0 && isShown()) onAnswer(this.#ids, this.#text);
  }
}
