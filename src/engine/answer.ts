/** The text of the ids chosen so far, as far as it may be shown. */
import type { Logprobs } from '../model/runner.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { ChosenLogprob, TokenLogprob } from './request.ts';
import { StopMatcher } from './stop.ts';

/** A character has at most four bytes, so at most three ids at the end are an incomplete one. */
const MAX_INCOMPLETE_IDS = 3;

/** Text that may be shown, and the ids that completed it, where log-probabilities are kept. */
export interface Shown {
  readonly text: string;
  readonly tokens: readonly ChosenLogprob[];
}

export class Answer {
  /** A stop string appeared. */
  stopped = false;
  readonly #tokenizer: Tokenizer;
  readonly #decoder: ReturnType<Tokenizer['createDecoder']>;
  readonly #matcher: StopMatcher;
  readonly #ids: number[] = [];
  #text = '';
  /** Characters that are complete, shown or held back. */
  #decoded = 0;
  /** Not shown yet, with where in the text they end; undefined: they complete no character so far. */
  readonly #held: { readonly token: ChosenLogprob; end: number | undefined }[] = [];

  constructor(tokenizer: Tokenizer, stops: readonly string[]) {
    this.#tokenizer = tokenizer;
    this.#decoder = tokenizer.createDecoder({ skipSpecial: true });
    this.#matcher = new StopMatcher(stops);
  }

  /** Returns the characters that this id completes. @param token the id's, where log-probabilities are kept */
  push(id: number, token?: ChosenLogprob): string {
    this.#ids.push(id);
    if (token) this.#held.push({ token, end: undefined });
    const text = this.#decoder.push(id);
    this.#complete(text);
    return text;
  }

  /**
   * Returns what may be shown of `text` and of what was held back before.
   * @param last nothing follows: give out everything, broken characters as U+FFFD
   */
  release(text: string, last: boolean): Shown {
    const rest = last ? this.#decoder.end() : '';
    this.#complete(rest);
    const matched = this.#matcher.push(text + rest);
    this.stopped = matched.stopped;
    const shown = last && !matched.stopped ? matched.text + this.#matcher.end() : matched.text;
    this.#text += shown;
    return { text: shown, tokens: this.#releaseTokens(last && !matched.stopped) };
  }

  /** Hands over the ids that decode to exactly the text that was shown; after an abort that may be a few less than chosen. */
  report(onAnswer: (ids: readonly number[], text: string) => void): void {
    if (this.stopped) return;
    const isShown = () => this.#tokenizer.decode(this.#ids, { skipSpecial: true }) === this.#text;
    for (let dropped = 0; dropped < MAX_INCOMPLETE_IDS && !isShown(); dropped++) this.#ids.pop();
    if (this.#ids.length > 0 && isShown()) onAnswer(this.#ids, this.#text);
  }

  /** Parts of a character belong to it, and special tokens to what follows them. */
  #complete(text: string): void {
    if (text === '') return;
    this.#decoded += text.length;
    for (const held of this.#held) held.end ??= this.#decoded;
  }

  #releaseTokens(all: boolean): ChosenLogprob[] {
    const isHeld = ({ end }: { end: number | undefined }) => !all && (end === undefined || end > this.#text.length);
    const first = this.#held.findIndex(isHeld);
    return this.#held.splice(0, first < 0 ? this.#held.length : first).map(({ token }) => token);
  }
}

/** What came back from the runner, in words. */
export function describeLogprobs(tokenizer: Tokenizer, id: number, { chosen, top }: Logprobs): ChosenLogprob {
  const describe = (id: number, logprob: number): TokenLogprob => {
    const bytes = tokenizer.bytesOf(id, { skipSpecial: false });
    return { id, text: wholeText(bytes), bytes: [...bytes], logprob };
  };
  return { ...describe(id, chosen), top: top.map(({ id, logprob }) => describe(id, logprob)) };
}

function wholeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return ''; // a part of a character
  }
}
