/** Speaks answers to screen readers by the sentence: a live region that grew by tokens would stutter. */

/** Cuts a growing text into whole sentences. Pure. */
export class SentenceSplitter {
  readonly #segmenter = new Intl.Segmenter(undefined, { granularity: 'sentence' });
  #pending = '';

  /** Takes the next piece of text and returns the sentences that it completed, trimmed. */
  push(text: string): string[] {
    this.#pending += text;
    const segments = Array.from(this.#segmenter.segment(this.#pending), ({ segment }) => segment);
    this.#pending = segments.pop() ?? ''; // the last may still grow
    return segments.map(plain).filter((sentence) => sentence !== '');
  }

  /** What is left at the end of the text. */
  flush(): string[] {
    const rest = plain(this.#pending);
    this.#pending = '';
    return rest === '' ? [] : [rest];
  }
}

/** Markdown's marks are not for the ear. */
function plain(markdown: string): string {
  return markdown
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[*_`~#>|]+/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

const keptSentences = 20; // enough for a slow reader; an old sentence that leaves is not spoken again

/** A polite live region: one paragraph per sentence, so that only the new one is spoken. */
export class Announcer {
  readonly #region: HTMLElement;
  #splitter = new SentenceSplitter();

  constructor(region: HTMLElement) {
    this.#region = region;
  }

  /** Says something at once, apart from the answer's text. */
  say(sentence: string): void {
    const paragraph = document.createElement('p');
    paragraph.textContent = sentence;
    this.#region.append(paragraph);
    while (this.#region.childElementCount > keptSentences) this.#region.firstElementChild!.remove();
  }

  push(text: string): void {
    for (const sentence of this.#splitter.push(text)) this.say(sentence);
  }

  flush(): void {
    for (const sentence of this.#splitter.flush()) this.say(sentence);
    this.#splitter = new SentenceSplitter();
  }
}
