/** What an engine tells whoever listens: the one thing that flows upward. */
import type { ErrorCode, OutriderError } from '../errors.ts';
import type { Usage } from './stats.ts';

/** A token has passed through the model, and these experts took it. Sent only while someone listens. */
export interface RoutingEvent {
  readonly type: 'routing';
  readonly id: number;
  /** Of the token in the conversation, 0-based. */
  readonly position: number;
  /** The expert chosen in each MoE layer, in the layers' order. */
  readonly experts: readonly number[];
  /** The text that this token completed; '' in the middle of a character and for special tokens of an answer. */
  readonly text: string;
}

/** A part of a long prompt has been read; none is sent for a prompt that is read in one go. */
export interface PrefillEvent {
  readonly type: 'prefill';
  /** Tokens of the conversation that have been processed, those of earlier requests included. */
  readonly processed: number;
  /** Tokens of the conversation. */
  readonly total: number;
}

/** The model runs, but not as asked or as written; the message says what changed and why. */
export interface DowngradeEvent {
  readonly type: 'downgrade';
  readonly message: string;
}

/** A conversation was too long and the request wanted it shortened: its oldest turns were not given to the model. */
export interface TruncatedEvent {
  readonly type: 'truncated';
  /** Messages that were left out. */
  readonly messages: number;
  /** Tokens of what remains. */
  readonly promptTokens: number;
}

/** A request with a grammar begins: it runs one step at a time, because what may follow depends on the last token. */
export interface ConstrainedEvent {
  readonly type: 'constrained';
  /** Steps in flight. */
  readonly depth: 1;
}

/** A request was answered to its end. */
export interface StatsEvent {
  readonly type: 'stats';
  readonly usage: Usage;
}

/** An answer, or the rest of one, comes from a server, which the app has allowed by `fallback`. The page sends it, no engine. */
export interface RemoteEvent {
  readonly type: 'remote';
  /** Of the server, such as `https://gpu.example`. */
  readonly origin: string;
  /** The server's name of its model. */
  readonly model: string;
  /** The code of the error that kept this device from answering. */
  readonly reason: ErrorCode;
  /** All of it, what follows the text so far, or anew after a text that is no part of it. */
  readonly answer: 'whole' | 'continued' | 'restarted';
}

/** The GPU is gone: the engine is of no further use, create another; but with a `fallback` it goes on elsewhere. */
export interface DeviceLostEvent {
  readonly type: 'device_lost';
  readonly error: OutriderError;
}

/** Tell them apart by `type`. */
export type EngineEvent =
  | RoutingEvent
  | PrefillEvent
  | DowngradeEvent
  | TruncatedEvent
  | ConstrainedEvent
  | StatsEvent
  | RemoteEvent
  | DeviceLostEvent;

/**
 * What it throws is reported as an uncaught error and does not disturb the engine.
 * @param client of the request that the event belongs to; undefined where it concerns everybody. It does not cross to a page,
 *   which hears of its own requests only
 */
export type EngineListener = (event: EngineEvent, client?: string) => void;

/** Downgrades happen while loading, before anyone can listen: events that state a lasting fact reach late listeners too. */
export class EventHub {
  readonly #listeners = new Set<EngineListener>();
  readonly #lasting: EngineEvent[] = [];

  get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  /** Returns the function that ends it. The same listener added twice is two subscriptions. */
  on(listener: EngineListener): () => void {
    const entry: EngineListener = (event, client) => listener(event, client);
    this.#listeners.add(entry);
    const past = [...this.#lasting];
    queueMicrotask(() => {
      for (const event of past) if (this.#listeners.has(entry)) notify(entry, event);
    });
    return () => this.#listeners.delete(entry);
  }

  emit(event: EngineEvent, client?: string): void {
    if (event.type === 'downgrade' || event.type === 'device_lost') this.#lasting.push(event);
    for (const listener of this.#listeners) notify(listener, event, client);
  }

  clear(): void {
    this.#listeners.clear();
  }
}

/** A listener's error is its owner's: reported as uncaught, and the generation goes on. */
function notify(listener: EngineListener, event: EngineEvent, client?: string): void {
  try {
    listener(event, client);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
