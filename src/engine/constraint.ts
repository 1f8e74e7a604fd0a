/** Which ids a constrained choice may have next. Asked for after every id, so such a choice runs one step at a time. */
import { OutriderError } from '../errors.ts';
import { abortable } from '../ports/abortable.ts';
import { Caller } from '../ports/calls.ts';
import type { MaskSource } from './request.ts';

type Mask = Uint32Array<ArrayBuffer>;

/** A mask takes milliseconds; a page that is frozen or stopped in a debugger must not hold up those that share the engine. */
const ANSWER_MILLISECONDS = 30_000;

export class Constraint {
  readonly #source: Caller<MaskSource>;
  readonly #signal: AbortSignal;
  /** Fires when the other side has gone: calls to it would wait for ever. */
  readonly #gone = new AbortController();
  readonly #words: number;
  readonly #allowed: Mask | undefined;
  #mask: Mask | undefined;

  /**
   * @param port where a `MaskSource` is served; whoever gave it closes it
   * @param allowed ids that are allowed beside that; default all
   */
  constructor(port: MessagePort, signal: AbortSignal, numTokens: number, allowed?: Mask) {
    this.#source = new Caller(port);
    this.#signal = signal;
    this.#words = Math.ceil(numTokens / 32);
    this.#allowed = allowed;
    const message = 'Whoever computes the masks of this grammar has gone. Send the request again.';
    port.addEventListener('close', () => this.#gone.abort(new OutriderError('worker_failed', message)));
  }

  /** Of the id that is chosen next. [ceil(numTokens / 32)] */
  get mask(): Mask | undefined {
    return this.#mask;
  }

  /** Begins a choice. @throws OutriderError `invalid_request` where no id is allowed, `worker_failed`; the signal's reason */
  async start(): Promise<void> {
    this.#narrow(await this.#answer(this.#source.call('start')));
  }

  /** The id was chosen. @returns whether another may follow. @throws as `start` */
  async accept(id: number): Promise<boolean> {
    const mask = await this.#answer(this.#source.call('accept', id));
    if (mask) this.#narrow(mask);
    return mask !== undefined;
  }

  async #answer<T>(call: Promise<T>): Promise<T> {
    const message = `Whoever computes the masks of this grammar gave none for ${ANSWER_MILLISECONDS / 1000} s. Send the request again.`;
    const tooLate = () => this.#gone.abort(new OutriderError('worker_failed', message));
    const timer = setTimeout(tooLate, ANSWER_MILLISECONDS);
    try {
      return await abortable(abortable(call, this.#gone.signal), this.#signal);
    } finally {
      clearTimeout(timer);
    }
  }

  #narrow(mask: Mask): void {
    const allowed = this.#allowed;
    this.#mask = allowed ? mask.map((word, index) => word & allowed[index]!) : mask;
    if (mask.length === this.#words && this.#mask.some((word) => word !== 0)) return;
    const found = mask.length === this.#words ? 'no id' : `${mask.length} words`;
    throw new OutriderError(
      'invalid_request',
      `The grammar's mask has ${found}; it must have ${this.#words} words and allow at least one id${allowed ? ' of those that logit_bias leaves' : ''}.`,
      { details: { words: mask.length, needed: this.#words } },
    );
  }
}
