/** What all subjects have in common: an answer is taken down with its moments. */
import { wordIds } from '../prompts.ts';
import type { Completed, LoadedSubject } from '../types.ts';

export interface Loaded {
  readonly facts: LoadedSubject;
  complete(prompt: string, tokens: number): Promise<Completed>;
}

/** Takes down the pieces of one answer as they come. */
export class Answer {
  readonly #called = performance.now();
  #first = 0;
  #last = 0;
  #text = '';

  push(text: string): void {
    this.#last = performance.now();
    this.#first ||= this.#last;
    this.#text += text;
  }

  end(facts: Pick<Completed, 'promptTokens' | 'ownPrefillMs' | 'ownDecodeMs'>): Completed {
    const totalMs = performance.now() - this.#called;
    return { ids: wordIds(this.#text), totalMs, decodeMs: this.#last - this.#first, ...facts };
  }
}
