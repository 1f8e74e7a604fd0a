/** OpenAI's chat completions, as far as this engine goes: the objects on the wire, hence snake_case. */
import type { FinishReason } from '../engine/request.ts';
import type { Usage } from '../engine/stats.ts';

export type { Usage, UsageExtra } from '../engine/stats.ts';

/** A part of a message's content; parts are joined. */
export interface TextPart {
  readonly type: 'text';
  readonly text: string;
}

/** One message of a conversation. `developer` means `system`. */
export interface ChatMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  /** May be null or absent only beside `tool_calls`. Special-token text in it is plain text to the model. */
  readonly content?: string | readonly TextPart[] | null | undefined;
  /** For templates that print it. */
  readonly name?: string | undefined;
  /** Calls that an assistant made earlier in the conversation. */
  readonly tool_calls?: readonly ToolCall[] | null | undefined;
  /** Of a `tool` message: the call that it answers. */
  readonly tool_call_id?: string | undefined;
  /** Of an assistant's message, as it comes back from an answer; not used. */
  readonly refusal?: string | null | undefined;
}

/** A call of a function by the assistant. */
export interface ToolCall {
  readonly id?: string | undefined;
  readonly type: 'function';
  /** `arguments` is JSON text. */
  readonly function: { readonly name: string; readonly arguments: string };
}

/**
 * A request. What is left out, undefined or null comes from the model's `generation_config.json`, then from the
 * defaults given here. A field that is not listed, or a value that is not possible, is refused with `invalid_request`.
 */
export interface ChatCompletionRequest {
  /** At least one. */
  readonly messages: readonly ChatMessage[];
  /** The id of the loaded model (`engine.model.id`); may be left out. */
  readonly model?: string | null | undefined;
  /** Tokens of the answer, >= 1. Default: the rest of the context, which also limits a larger number. */
  readonly max_tokens?: number | null | undefined;
  /** OpenAI's newer name of `max_tokens`; give one of them. */
  readonly max_completion_tokens?: number | null | undefined;
  /** 0..2, default 1; 0 always takes the most probable token. */
  readonly temperature?: number | null | undefined;
  /** 0..1, default 1: keep the most probable tokens that together have this probability. */
  readonly top_p?: number | null | undefined;
  /** Tokens, default 0 (all): keep that many of the most probable. */
  readonly top_k?: number | null | undefined;
  /** 0..1, default 0: drop tokens less probable than this share of the most probable one. */
  readonly min_p?: number | null | undefined;
  /** A safe integer. The same seed, request, adapter and variant give the same text. Default: random. */
  readonly seed?: number | null | undefined;
  /** The answer ends before this string, or the first of up to four. */
  readonly stop?: string | readonly string[] | null | undefined;
  /** Default false. */
  readonly stream?: boolean | null | undefined;
  /** Only with `stream: true`. `include_usage` adds a last chunk with `usage` and no choices. */
  readonly stream_options?: { readonly include_usage?: boolean | undefined } | null | undefined;
}

/** A request for a whole answer. */
export interface NonStreamingRequest extends ChatCompletionRequest {
  readonly stream?: false | null | undefined;
}

/** A request for an answer in chunks. */
export interface StreamingRequest extends ChatCompletionRequest {
  readonly stream: true;
}

/** A whole answer. */
export interface ChatCompletion {
  readonly id: string;
  readonly object: 'chat.completion';
  /** Unix time, seconds. */
  readonly created: number;
  readonly model: string;
  readonly choices: readonly [
    {
      readonly index: 0;
      readonly message: { readonly role: 'assistant'; readonly content: string; readonly refusal: null };
      readonly logprobs: null;
      readonly finish_reason: FinishReason;
    },
  ];
  readonly usage: Usage;
}

/** A piece of a streamed answer. */
export interface ChatCompletionChunk {
  readonly id: string;
  readonly object: 'chat.completion.chunk';
  /** Unix time, seconds; the same in all chunks. */
  readonly created: number;
  readonly model: string;
  /** One choice, or none in the chunk with `usage`. */
  readonly choices: readonly {
    readonly index: 0;
    readonly delta: { readonly role?: 'assistant'; readonly content?: string };
    readonly logprobs: null;
    /** null until the last piece. `length`: the answer reached `max_tokens` or the end of the context. */
    readonly finish_reason: FinishReason | null;
  }[];
  /** Only with `stream_options.include_usage`: null until the last chunk. */
  readonly usage?: Usage | null;
}

/** Chunks as they come. Leaving the loop stops the generation; generation begins with the first request for a chunk. */
export type ChatCompletionStream = AsyncIterableIterator<ChatCompletionChunk, void, undefined>;

/** What goes beside a request. */
export interface RequestOptions {
  /** Stops waiting or generating; the call or the iteration rejects with the signal's reason. */
  readonly signal?: AbortSignal | null | undefined;
}

/** OpenAI's `chat.completions`. */
export interface ChatCompletions {
  /**
   * Answers a conversation, whole or as a stream. Requests are answered one after another, in order.
   * @throws OutriderError `invalid_request`, `template_error`, `context_overflow`, `engine_unloaded`, `device_lost`,
   *   `worker_failed`, or the signal's reason
   */
  create(request: NonStreamingRequest, options?: RequestOptions): Promise<ChatCompletion>;
  create(request: StreamingRequest, options?: RequestOptions): Promise<ChatCompletionStream>;
  create(request: ChatCompletionRequest, options?: RequestOptions): Promise<ChatCompletion | ChatCompletionStream>;
}
