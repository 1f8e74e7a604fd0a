/** Keeps the end of the messages in view while someone reads there, and says when not. */

const nearEnd = 48; // px: closer than this to the end counts as reading along

export class EndFollower {
  readonly #onChange: () => void;
  #box: HTMLElement | undefined;
  #observer: ResizeObserver | undefined;
  #follows = true;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Whether the end stays in view while text arrives. */
  get follows(): boolean {
    return this.#follows;
  }

  /** @param box what scrolls */
  observe(box: HTMLElement): void {
    this.#box = box;
    box.addEventListener('scroll', () => this.#onScroll(), { passive: true });
    this.#observer = new ResizeObserver(() => this.keep());
    this.#observer.observe(box);
  }

  disconnect(): void {
    this.#observer?.disconnect();
  }

  /** Goes to the end and stays there. */
  follow(): void {
    this.#set(true);
    this.keep();
  }

  /** After the content has changed. */
  keep(): void {
    if (!this.#box) return;
    if (this.#follows) this.#box.scrollTop = this.#box.scrollHeight;
    else this.#onScroll();
  }

  #onScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#box!;
    this.#set(scrollHeight - scrollTop - clientHeight < nearEnd);
  }

  #set(follows: boolean): void {
    if (this.#follows === follows) return;
    this.#follows = follows;
    this.#onChange();
  }
}
