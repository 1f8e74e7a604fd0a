/** Answers here while that is possible, then at a server that the app has allowed. */
import { type EngineListener, EventHub } from '../../engine/events.ts';
import type { TextEngine } from '../../engine/request.ts';
import { OutriderError } from '../../errors.ts';
import { Interruption, linkSignals } from '../../ports/abortable.ts';
import type { ChatCompletionChunk, ChatCompletionChunkChoice, Usage } from '../types.ts';
import type { RemoteMark } from '../types-common.ts';
import type { TextCompletionChunk } from '../types-text.ts';
import { toPieces } from './chat-answer.ts';
import { Detour, type Rest, type Way } from './detour.ts';
import { conversationFields, notMovable, samplingFields, unsayable } from './fields.ts';
import type { Destination } from './options.ts';
import { RemoteServer } from './server.ts';
import { usageOf } from './tally.ts';
import type { ChatAnswer, Elsewhere, TextAnswer } from './types.ts';

/** After these the engine is of no further use; of others the next request may well be answered here. */
const LASTING = [
  'webgpu_unavailable',
  'model_too_large',
  'gpu_validation',
  'gpu_incorrect',
  'device_lost',
  'worker_failed',
];

/** Of the choice that is being given out. */
interface GivenOut {
  begun: boolean;
  /** UTF-16 units of content. */
  units: number;
  calls: number;
}

export class Fallback implements Elsewhere, Way {
  readonly engine: TextEngine;
  readonly server: RemoteServer;
  readonly #when: Destination['when'];
  readonly #events = new EventHub();
  readonly #closed = new AbortController();
  readonly #interruption = new Interruption();
  #failure: OutriderError | undefined;

  /** @param failure why nothing was loaded here; default: it was */
  constructor(engine: TextEngine, destination: Destination, failure?: OutriderError) {
    this.engine = engine;
    this.server = new RemoteServer(destination);
    this.#when = destination.when;
    if (failure) this.#fail(failure);
  }

  get where(): 'local' | 'remote' {
    return this.#failure ? 'remote' : 'local';
  }

  get failure(): OutriderError | undefined {
    return this.#failure;
  }

  admit(error: unknown): OutriderError {
    if (this.#closed.signal.aborted || !(error instanceof OutriderError) || !this.#when.has(error.code)) throw error;
    if (LASTING.includes(error.code) && !this.#failure) this.#fail(error);
    return error;
  }

  announce({ origin, model, reason, answer }: RemoteMark): void {
    this.#events.emit({ type: 'remote', origin, model, reason, answer });
  }

  on(listener: EngineListener): () => void {
    return this.#events.on(listener);
  }

  interrupt(): void {
    this.#interruption.interrupt();
  }

  close(): void {
    const message = 'The engine was unloaded. Create another one to go on.';
    this.#closed.abort(new OutriderError('engine_unloaded', message));
    this.#events.clear();
  }

  async *text(answer: TextAnswer, given: AbortSignal): AsyncGenerator<TextCompletionChunk, void, undefined> {
    const { signal, unlink } = this.#link(given);
    let detour: Detour | undefined;
    try {
      const chunks = answer.write((request, at) => {
        detour = new Detour(this, { request, grammar: answer.grammar, signal });
        return detour.events(answer.generate(request, at));
      });
      for await (const chunk of chunks) yield marked(chunk, detour?.mark);
    } finally {
      unlink();
    }
  }

  async *chat(answer: ChatAnswer, given: AbortSignal): AsyncGenerator<ChatCompletionChunk, void, undefined> {
    const { signal, unlink } = this.#link(given);
    const detour = new Detour(this, { request: answer.generate, grammar: answer.grammar, signal });
    const out: GivenOut = { begun: false, units: 0, calls: 0 };
    /** Of a choice that is not complete, where nobody reads along. */
    let held: ChatCompletionChunk[] = [];
    try {
      for await (const chunk of answer.write(detour.events(answer.events(given)))) {
        held.push(marked(chunk, detour.mark));
        const isEnd = note(chunk, out);
        if (!isEnd && !answer.stream) continue;
        yield* held;
        held = [];
      }
      if (!detour.rest) return void (yield* held);
      yield* this.#anew(
        answer,
        detour,
        detour.rest,
        answer.stream ? out : { begun: false, units: 0, calls: 0 },
        signal,
      );
    } finally {
      unlink();
    }
  }

  /** The choices that are left, one after another. */
  async *#anew(
    answer: ChatAnswer,
    detour: Detour,
    { choice: first, error }: Rest,
    out: GivenOut,
    signal: AbortSignal,
  ): AsyncGenerator<ChatCompletionChunk, void, undefined> {
    const { request, generate, includeUsage, head } = answer;
    const field = unsayable(request);
    if (field) throw notMovable(error, `no server knows this request's ${field}`);
    if (out.calls > 0) throw notMovable(error, 'calls were given out already, which a new answer would repeat');
    const { origin } = this.server;
    const { contextLength, defaults } = this.engine.model;
    for (let choice = first; choice < (generate.choices ?? 1); choice++) {
      const before = choice === first ? out : { begun: false, units: 0 };
      const sampling = samplingFields(generate, contextLength > 0 ? defaults : undefined, choice);
      const chunks = await this.server.open(
        'chat/completions',
        { ...conversationFields(request), ...sampling },
        signal,
      );
      const mark = detour.enter(error, before.units > 0 ? 'restarted' : 'whole', before.units);
      const chunk = (piece: ChatCompletionChunkChoice) => toChunk(head, mark, [piece], includeUsage ? null : undefined);
      const role = { role: 'assistant', content: '' } as const;
      if (!before.begun) yield chunk({ index: choice, delta: role, logprobs: null, finish_reason: null });
      const count = (from: Parameters<typeof usageOf>[0]) => {
        const usage = usageOf(from);
        detour.tally.prompt(usage?.prompt ?? 0);
        detour.tally.completion(usage?.completion ?? 0);
      };
      for await (const piece of toPieces(chunks, choice, origin, count)) {
        detour.tally.piece();
        yield chunk(piece);
      }
    }
    if (includeUsage) yield toChunk(head, detour.mark!, [], detour.tally.usage());
  }

  #fail(error: OutriderError): void {
    this.#failure = error;
    const { origin, model } = this.server;
    const message = `From now on answers come from ${origin}, by its model "${model}": ${error.message}`;
    this.#events.emit({ type: 'downgrade', message });
  }

  #link(given: AbortSignal) {
    return linkSignals([given, this.#closed.signal, this.#interruption.signal]);
  }
}

/** An answer from elsewhere is that model's. */
function marked<Chunk extends { model: string }>(chunk: Chunk, mark: RemoteMark | undefined): Chunk {
  return mark ? { ...chunk, model: mark.model, remote: mark } : chunk;
}

function toChunk(
  { id, created }: ChatAnswer['head'],
  mark: RemoteMark,
  choices: ChatCompletionChunkChoice[],
  usage: Usage | null | undefined,
): ChatCompletionChunk {
  const chunk = { id, object: 'chat.completion.chunk', created, model: mark.model, choices, remote: mark } as const;
  return usage === undefined ? chunk : { ...chunk, usage };
}

/** Keeps account of what was given out. @returns whether a choice ends with the chunk, or there is none in it */
function note({ choices: [piece] }: ChatCompletionChunk, out: GivenOut): boolean {
  if (!piece || piece.finish_reason !== null) {
    Object.assign(out, { begun: false, units: 0, calls: 0 } satisfies GivenOut);
    return true;
  }
  out.begun = true;
  out.units += piece.delta.content?.length ?? 0;
  out.calls += piece.delta.tool_calls?.length ?? 0;
  return false;
}
