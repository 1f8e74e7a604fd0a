/** How many tokens the conversation and the draft take, of those that the model has room for. */
import type { ChatMessage, Engine, FunctionTool } from '../../../index.ts';
import { byId } from '../../shared/dom.ts';
import { formatCount } from '../../shared/format.ts';

/** What the model would be sent besides the draft. */
export interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly FunctionTool[];
}

/** What is shown. */
export interface Count {
  /** Of the draft by itself. */
  readonly draft: number;
  /** Of the conversation with the draft, as the model would read it. */
  readonly total: number;
  /** Tokens that the model has room for. */
  readonly room: number;
}

const waitMs = 300; // after the last key
const nearlyFull = 0.9;

/** In words, and how full the context is: 0..1. Pure. */
export function describeCount({ draft, total, room }: Count): { words: string; share: number; state: string } {
  const start = draft > 0 ? `${formatCount(draft, 'token')} · ` : '';
  const over = total - room;
  const words =
    over > 0
      ? `${start}${over.toLocaleString('en')} too many`
      : `${start}${total.toLocaleString('en')} of ${room.toLocaleString('en')}`;
  const state = over > 0 ? 'over' : total > nearlyFull * room ? 'nearly-full' : 'room';
  return { words, share: Math.min(1, total / room), state };
}

export class TokenCounter {
  readonly #frame = byId('context');
  readonly #words = byId('context-words');
  readonly #meter = byId<HTMLMeterElement>('context-meter');
  #timer = 0;
  /** Counts requests: an answer that comes after a later request is out of date. */
  #asked = 0;

  /** Shows the counts of what would be sent, a moment after the last call; nothing without an engine or messages. */
  show(engine: Engine | undefined, conversation: Conversation, draft: string): void {
    clearTimeout(this.#timer);
    const asked = ++this.#asked;
    if (!engine || (conversation.messages.length === 0 && draft.trim() === '')) {
      this.#frame.hidden = true;
      return;
    }
    this.#timer = window.setTimeout(async () => {
      try {
        const count = await countAll(engine, conversation, draft.trim());
        if (asked === this.#asked) this.#write(count);
      } catch {
        this.#frame.hidden = true; // the engine is gone, or the template refuses: sending says why
      }
    }, waitMs);
  }

  #write(count: Count): void {
    const { words, share, state } = describeCount(count);
    this.#frame.hidden = false;
    this.#frame.dataset.state = state;
    this.#words.textContent = words;
    this.#meter.value = share;
  }
}

async function countAll(engine: Engine, { messages, tools }: Conversation, draft: string): Promise<Count> {
  const withDraft: readonly ChatMessage[] = draft === '' ? messages : [...messages, { role: 'user', content: draft }];
  const [total, own] = await Promise.all([
    engine.countTokens({ messages: withDraft, ...(tools.length > 0 && { tools }) }),
    draft === '' ? 0 : engine.countTokens(draft),
  ]);
  return { draft: own, total, room: engine.model.contextLength };
}
