/** OpenAI's chat completions: the objects on the wire, hence snake_case. Assignable to and from the official package's. */
import type { FinishReason } from '../engine/request.ts';
import type { Usage } from '../engine/stats.ts';
import type { CommonFields, RemoteMark } from './types-common.ts';

export type { Usage, UsageExtra } from '../engine/stats.ts';

/** A part of a message's content; parts are joined. */
export interface TextPart {
  readonly type: 'text';
  readonly text: string;
}

/** Of an assistant's message, as it came from elsewhere: text like any other. */
export interface RefusalPart {
  readonly type: 'refusal';
  readonly refusal: string;
}

/** Parts that OpenAI's types allow and that are refused: the model reads text. */
export interface MediaPart {
  readonly type: 'image_url' | 'input_audio' | 'file';
}

export type ContentPart = TextPart | RefusalPart | MediaPart;

/** One message of a conversation. `developer` means `system`; `function`, which tools replaced, is refused. */
export interface ChatMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool' | 'function';
  /** May be null or absent only beside `tool_calls`. Special-token text in it is plain text to the model. */
  readonly content?: string | readonly ContentPart[] | null | undefined;
  /** For templates that print it. */
  readonly name?: string | undefined;
  /** Calls that an assistant made earlier in the conversation. */
  readonly tool_calls?: readonly (ToolCallInput | CustomToolCall)[] | null | undefined;
  /** Of a `tool` message: the call that it answers. The template tells results apart by their order alone: they are put into that of the calls. */
  readonly tool_call_id?: string | undefined;
  /** Of an assistant's message, as it comes back from an answer; not used. */
  readonly refusal?: string | null | undefined;
}

/** A call of a function by the assistant, as messages have it. */
export interface ToolCallInput {
  readonly id?: string | undefined;
  readonly type: 'function';
  /** `arguments` is JSON text. */
  readonly function: { readonly name: string; readonly arguments: string };
}

/** OpenAI's types allow them; refused. */
export interface CustomToolCall {
  readonly type: 'custom';
}

/** A function that the model may call. */
export interface FunctionTool {
  readonly type: 'function';
  readonly function: {
    /** 1 to 64 letters, digits, underscores and dashes. */
    readonly name: string;
    readonly description?: string | undefined;
    /** JSON schema of an object; default: no parameters. */
    readonly parameters?: Readonly<Record<string, unknown>> | undefined;
    /** Only where `tool_choice` demands a call, whose arguments always obey the schema; else refused. */
    readonly strict?: boolean | null | undefined;
  };
}

/** OpenAI's types allow them; refused. */
export interface CustomTool {
  readonly type: 'custom';
}

/**
 * 'auto': the model calls tools or answers; 'none': the tools are left out of the prompt; 'required', and one by name: the
 * answer is calls whose arguments obey the schemas, by a grammar. `allowed_tools`: only these are recognized as calls,
 * the prompt has all.
 */
export type ToolChoice =
  | 'auto'
  | 'none'
  | 'required'
  | { readonly type: 'function'; readonly function: { readonly name: string } }
  | {
      readonly type: 'allowed_tools';
      readonly allowed_tools: {
        readonly mode: 'auto' | 'required';
        readonly tools: readonly Readonly<Record<string, unknown>>[];
      };
    }
  | CustomTool;

/**
 * The form of the answer. Schemas are enforced whether they are `strict` or not; a keyword that cannot be is refused by
 * name. `grammar` is EBNF. Such a request runs one step at a time. Beside tools only with `tool_choice: 'none'`.
 */
export type ResponseFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | {
      readonly type: 'json_schema';
      readonly json_schema: {
        readonly name: string;
        readonly description?: string | undefined;
        readonly schema?: Readonly<Record<string, unknown>> | undefined;
        readonly strict?: boolean | null | undefined;
      };
    }
  | { readonly type: 'grammar'; readonly grammar: string };

/**
 * A request. What is left out, undefined or null comes from the model's `generation_config.json`, then from the
 * defaults given here. A field that is not listed, or a value that is not possible, is refused with `invalid_request`,
 * but for OpenAI's fields with a value that asks for nothing.
 */
export interface ChatCompletionRequest extends CommonFields {
  /** At least one. */
  readonly messages: readonly ChatMessage[];
  /** Tokens of the answer, >= 1. Default: the rest of the context, which also limits a larger number. */
  readonly max_tokens?: number | null | undefined;
  /** OpenAI's newer name of `max_tokens`; give one of them. */
  readonly max_completion_tokens?: number | null | undefined;
  /** Log-probabilities of all tokens of the answer, calls included, in the model's own distribution; default false. */
  readonly logprobs?: boolean | null | undefined;
  /** 0..20, default 0: so many of the most probable tokens at each place. */
  readonly top_logprobs?: number | null | undefined;
  /** Default: any text. */
  readonly response_format?: ResponseFormat | null | undefined;
  /** Functions that the model may call. */
  readonly tools?: readonly (FunctionTool | CustomTool)[] | null | undefined;
  /** Default 'auto'. */
  readonly tool_choice?: ToolChoice | null | undefined;
  /** false: at most one call is given out. Default true, but false for one function by name. */
  readonly parallel_tool_calls?: boolean | null | undefined;
  /** OpenAI's newer name of `user`, and goes before it. */
  readonly safety_identifier?: string | null | undefined;
  /** Accepted: requests that begin alike share what was computed for that beginning, whatever their keys are. */
  readonly prompt_cache_key?: string | null | undefined;
  /** What becomes of a conversation that is too long: `context_overflow`, or its oldest turns are left out. Default 'error'. */
  readonly truncation?: 'error' | 'truncate' | null | undefined;
  /** true: the last message, which must be an assistant's, is the beginning of the answer, of which the rest comes. Default false. */
  readonly continue_final_message?: boolean | null | undefined;
}

/** A request for a whole answer. */
export interface NonStreamingRequest extends ChatCompletionRequest {
  readonly stream?: false | null | undefined;
}

/** A request for an answer in chunks. */
export interface StreamingRequest extends ChatCompletionRequest {
  readonly stream: true;
}

/** A call that the model wants. */
export interface ToolCall {
  id: string;
  type: 'function';
  /** `arguments` is JSON of an object. */
  function: { name: string; arguments: string };
}

/** A token and how probable it was. */
export interface TokenLogprob {
  /** Its text; of a part of a character `bytes:` and its bytes as `\\xf0`. */
  token: string;
  bytes: number[] | null;
  /** Natural logarithm. */
  logprob: number;
}

/** With the most probable tokens at its place, falling; as many as were asked for. */
export interface ChosenTokenLogprob extends TokenLogprob {
  top_logprobs: TokenLogprob[];
}

export interface ChoiceLogprobs {
  content: ChosenTokenLogprob[];
  refusal: null;
}

/** `tool_calls`: the answer ended by itself and has calls; `length`: it reached `max_tokens` or the end of the context. */
export type ChatFinishReason = FinishReason | 'tool_calls';

export interface ChatCompletionMessage {
  role: 'assistant';
  /** null where there are only calls. */
  content: string | null;
  refusal: null;
  /** Absent where there are none. */
  tool_calls?: ToolCall[];
}

export interface ChatCompletionChoice {
  index: number;
  message: ChatCompletionMessage;
  logprobs: ChoiceLogprobs | null;
  finish_reason: ChatFinishReason;
}

/** A whole answer. */
export interface ChatCompletion {
  id: string;
  object: 'chat.completion';
  /** Unix time, seconds. */
  created: number;
  model: string;
  /** As many as `n`. */
  choices: [ChatCompletionChoice, ...ChatCompletionChoice[]];
  usage: Usage;
  /** Where some of it was not computed on this device: how the first of that came about. */
  remote?: RemoteMark;
}

/** What a chunk adds to a message. A call comes in two: with its id and name, then its arguments. */
export interface ChatCompletionDelta {
  role?: 'assistant';
  content?: string;
  tool_calls?: { index: number; id?: string; type?: 'function'; function: { name?: string; arguments: string } }[];
}

export interface ChatCompletionChunkChoice {
  index: number;
  delta: ChatCompletionDelta;
  /** Of the tokens since the last chunk. */
  logprobs: ChoiceLogprobs | null;
  /** null until the choice's last chunk. */
  finish_reason: ChatFinishReason | null;
}

/** A piece of a streamed answer. Choices come one after another. */
export interface ChatCompletionChunk {
  id: string;
  object: 'chat.completion.chunk';
  /** Unix time, seconds; the same in all chunks. */
  created: number;
  model: string;
  /** One choice, or none in the chunk with `usage`. */
  choices: ChatCompletionChunkChoice[];
  /** Only with `stream_options.include_usage`: null until the last chunk. */
  usage?: Usage | null;
  /** Where it was not computed on this device. */
  remote?: RemoteMark;
}

/**
 * An answer in pieces, to be read once. Leaving the loop, or `controller.abort()`, stops the generation and ends the stream;
 * the request's own signal makes it reject. The model does not wait for a slow reader.
 */
export interface AnswerStream<Piece> extends AsyncIterableIterator<Piece, void, undefined> {
  readonly controller: AbortController;
  return(): Promise<IteratorResult<Piece, void>>;
}

export type ChatCompletionStream = AnswerStream<ChatCompletionChunk>;

/** What goes beside a request. */
export interface RequestOptions {
  /** Stops waiting or generating; the call or the iteration rejects with the signal's reason. */
  readonly signal?: AbortSignal | null | undefined;
}

/** OpenAI's `chat.completions`. */
export interface ChatCompletions {
  /**
   * Answers a conversation, whole or as a stream. A stream is there when the first of its tokens is, so that whatever is
   * wrong with the request rejects the call.
   * @throws OutriderError `invalid_request`, `template_error`, `context_overflow`, `engine_unloaded`, `device_lost`,
   *   `worker_failed`, or the signal's reason
   */
  create(request: NonStreamingRequest, options?: RequestOptions): Promise<ChatCompletion>;
  create(request: StreamingRequest, options?: RequestOptions): Promise<ChatCompletionStream>;
  create(request: ChatCompletionRequest, options?: RequestOptions): Promise<ChatCompletion | ChatCompletionStream>;
}
