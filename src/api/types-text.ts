/** OpenAI's older completions, its models, and counting tokens. */
import type { FinishReason } from '../engine/request.ts';
import type { Usage } from '../engine/stats.ts';
import type { AnswerStream, ChatMessage, FunctionTool, RequestOptions, ToolChoice } from './types.ts';
import type { CommonFields, RemoteMark } from './types-common.ts';

/** A request to go on with a text. */
export interface TextCompletionRequest extends CommonFields {
  /**
   * Text, or token ids as they are; several are answered one after another, with `n` choices each. Text begins with the model's
   * begin token, and special-token text in it is plain text. null: the begin token alone.
   */
  readonly prompt: string | readonly string[] | readonly number[] | readonly (readonly number[])[] | null;
  /** Tokens per choice, >= 1. Default 16, as OpenAI's. */
  readonly max_tokens?: number | null | undefined;
  /** 0..20, OpenAI's own limit is 5: log-probabilities, with so many of the most probable tokens. Default: none. */
  readonly logprobs?: number | null | undefined;
  /** true: choices begin with their prompt. Not with `logprobs`: a prompt's are not computed. Default false. */
  readonly echo?: boolean | null | undefined;
}

export interface NonStreamingTextRequest extends TextCompletionRequest {
  readonly stream?: false | null | undefined;
}

export interface StreamingTextRequest extends TextCompletionRequest {
  readonly stream: true;
}

/** Lists have one entry per token. */
export interface TextLogprobs {
  tokens: string[];
  token_logprobs: number[];
  /** Tokens and their log-probabilities, the chosen one included. */
  top_logprobs: Record<string, number>[];
  /** Where a token begins in the choice's text, UTF-16 units. */
  text_offset: number[];
}

export interface TextCompletionChoice {
  /** Prompt times `n`, plus the choice. */
  index: number;
  text: string;
  logprobs: TextLogprobs | null;
  finish_reason: FinishReason;
}

/** A whole answer. */
export interface TextCompletion {
  id: string;
  object: 'text_completion';
  /** Unix time, seconds. */
  created: number;
  model: string;
  choices: TextCompletionChoice[];
  /** Over all prompts. */
  usage: Usage;
  /** Where some of it was not computed on this device: how the first of that came about. */
  remote?: RemoteMark;
}

/** A piece of a streamed answer. */
export interface TextCompletionChunk {
  id: string;
  object: 'text_completion';
  created: number;
  model: string;
  /** One, or none in the chunk with `usage`; `finish_reason` is null until a choice's last. */
  choices: (Omit<TextCompletionChoice, 'finish_reason'> & { finish_reason: FinishReason | null })[];
  /** Only with `stream_options.include_usage`: null until the last chunk. */
  usage?: Usage | null;
  /** Where it was not computed on this device. */
  remote?: RemoteMark;
}

export type TextCompletionStream = AnswerStream<TextCompletionChunk>;

/** OpenAI's `completions`. */
export interface TextCompletions {
  /**
   * Goes on with a text, without a chat template.
   * @throws OutriderError as `ChatCompletions.create` does
   */
  create(request: NonStreamingTextRequest, options?: RequestOptions): Promise<TextCompletion>;
  create(request: StreamingTextRequest, options?: RequestOptions): Promise<TextCompletionStream>;
  create(request: TextCompletionRequest, options?: RequestOptions): Promise<TextCompletion | TextCompletionStream>;
}

export interface Model {
  /** As in `engine.model.id`. */
  id: string;
  object: 'model';
  /** When it was loaded: Unix time, seconds. */
  created: number;
  owned_by: string;
}

/** OpenAI's `models`: the one that is loaded. */
export interface Models {
  list(): Promise<{ object: 'list'; data: Model[] }>;
  /** @throws OutriderError `invalid_request` for another id than the loaded model's */
  retrieve(id: string): Promise<Model>;
}

/** Text by itself, or a conversation as the model gets it, with the header of the answer; messages alone, or with tools. */
export type TokenizeInput =
  | string
  | readonly ChatMessage[]
  | {
      readonly messages: readonly ChatMessage[];
      readonly tools?: readonly FunctionTool[] | null | undefined;
      readonly tool_choice?: ToolChoice | null | undefined;
    };
