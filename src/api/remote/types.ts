/** What goes on elsewhere where this device cannot, as the rest of the API sees it. */
import type { EngineListener } from '../../engine/events.ts';
import type { GenerateRequest, GenerationEvent } from '../../engine/request.ts';
import type { GrammarSpec } from '../grammars.ts';
import type { ChatCompletionChunk, ChatCompletionRequest } from '../types.ts';
import type { RemoteMark } from '../types-common.ts';
import type { TextCompletionChunk } from '../types-text.ts';

/** One answer of `chat.completions`. */
export interface ChatAnswer {
  /** As it was given, and checked. */
  readonly request: ChatCompletionRequest;
  readonly generate: GenerateRequest;
  readonly grammar: GrammarSpec | undefined;
  /** Whether pieces go to a reader as they come: else nobody has seen what is thrown away. */
  readonly stream: boolean;
  /** Whether a last chunk has it. */
  readonly includeUsage: boolean;
  readonly head: { readonly id: string; readonly created: number };
  /** Generates here. */
  readonly events: (signal: AbortSignal) => AsyncIterable<GenerationEvent>;
  /** Makes chunks of events from anywhere; ends where they do. */
  readonly write: (events: AsyncIterable<GenerationEvent>) => AsyncIterable<ChatCompletionChunk>;
}

/** Makes events of one prompt, here. */
export type Generate = (request: GenerateRequest, signal: AbortSignal) => AsyncIterable<GenerationEvent>;

/** One answer of `completions`. */
export interface TextAnswer {
  readonly grammar: GrammarSpec | undefined;
  readonly generate: Generate;
  /** Makes chunks of one or several prompts' events. */
  readonly write: (generate: Generate) => AsyncIterable<TextCompletionChunk>;
}

/** Answers here while that is possible, then elsewhere. */
export interface Elsewhere {
  /** 'remote' once an answer was needed that this device could not give, and never will. */
  readonly where: 'local' | 'remote';
  /** @throws while iterating, what generating here does if it may not go elsewhere, and whatever keeps the server from answering */
  chat(answer: ChatAnswer, signal: AbortSignal): AsyncGenerator<ChatCompletionChunk, void, undefined>;
  text(answer: TextAnswer, signal: AbortSignal): AsyncGenerator<TextCompletionChunk, void, undefined>;
  /** Events of its own; a lasting `downgrade` reaches late listeners too. @returns the function that ends the subscription */
  on(listener: EngineListener): () => void;
  /** Stops all answers that come from elsewhere. */
  interrupt(): void;
  /** Stops them for good. */
  close(): void;
}

interface Markable {
  model: string;
  remote?: RemoteMark;
}

/** `collect`, with the mark of the first piece that has one, and its model. */
export function keepingMark<Piece extends Markable, Whole extends Markable>(
  collect: (pieces: AsyncIterable<Piece>) => Promise<Whole>,
): (pieces: AsyncIterable<Piece>) => Promise<Whole> {
  return async (pieces) => {
    let remote: RemoteMark | undefined;
    const watched = async function* () {
      for await (const piece of pieces) {
        remote ??= piece.remote;
        yield piece;
      }
    };
    const whole = await collect(watched());
    return remote ? { ...whole, model: remote.model, remote } : whole;
  };
}
