/** The Prompt API's dictionaries, as its specification of June 2026 has them. */

export type Availability = 'unavailable' | 'downloadable' | 'downloading' | 'available';

/** From always the most probable token to much variety; `balanced` is the model's own default. */
export type SamplingMode = 'most-predictable' | 'predictable' | 'balanced' | 'creative' | 'most-creative';

/** Text is read and written, and tools are called; `image` and `audio` are not available. */
export type MessageType = 'text' | 'image' | 'audio' | 'tool-call' | 'tool-response';

export interface LanguageModelMessageContent {
  readonly type: MessageType;
  /** A string where `type` is `text`. */
  readonly value: unknown;
}

export interface LanguageModelMessage {
  /** `system` only as the first message of a session. */
  readonly role: 'system' | 'user' | 'assistant';
  /** Neighbouring texts are joined. */
  readonly content: string | readonly LanguageModelMessageContent[];
  /** The answer goes on after this message, which must be the assistant's and the last; default false. */
  readonly prefix?: boolean | undefined;
}

/** A string is a message of the user. */
export type LanguageModelPrompt = string | readonly LanguageModelMessage[];

export interface LanguageModelTool {
  /** 1 to 64 letters, digits, underscores and dashes. */
  readonly name: string;
  readonly description: string;
  /** JSON schema of the one argument of `execute`. */
  readonly inputSchema: object;
  /** Called when the model wants it; several calls may run at once. What it throws rejects the prompt. */
  readonly execute: (input: never) => string | Promise<string>;
}

export interface LanguageModelExpected {
  readonly type: MessageType;
  /** BCP 47; checked for form only: the model takes any language. */
  readonly languages?: readonly string[] | undefined;
}

export interface LanguageModelCreateCoreOptions {
  readonly samplingMode?: SamplingMode | undefined;
  /** Instead of `samplingMode`: >= 0, at most 2 counts. */
  readonly temperature?: number | undefined;
  /** Instead of `samplingMode`: >= 1, rounded down. */
  readonly topK?: number | undefined;
  readonly expectedInputs?: readonly LanguageModelExpected[] | undefined;
  readonly expectedOutputs?: readonly LanguageModelExpected[] | undefined;
  readonly tools?: readonly LanguageModelTool[] | undefined;
}

/** Gets `downloadprogress` events, whose `loaded` goes from 0 to 1. */
export interface CreateMonitor extends EventTarget {
  ondownloadprogress: ((event: DownloadProgressEvent) => void) | null;
}

export interface DownloadProgressEvent extends Event {
  /** 0..1. */
  readonly loaded: number;
  readonly total: 1;
}

export interface LanguageModelCreateOptions extends LanguageModelCreateCoreOptions {
  /** Ends the creation, and destroys the session later. */
  readonly signal?: AbortSignal | undefined;
  /** Called once, before anything is loaded. */
  readonly monitor?: ((monitor: CreateMonitor) => void) | undefined;
  /** Never leave the context. */
  readonly initialPrompts?: readonly LanguageModelMessage[] | undefined;
}

export interface LanguageModelPromptOptions {
  /** A JSON schema that the answer conforms to, or a RegExp (without the flags i, m and s) that is found in it. */
  readonly responseConstraint?: object | undefined;
  /** Do not tell the model of the constraint, only enforce it; default false. */
  readonly omitResponseConstraintInput?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A session. Calls take turns, in their order. They reject with the signal's reason, with an `AbortError` once the session is
 * destroyed, and else with DOMExceptions: `QuotaExceededError`, `NotSupportedError` for what this engine refuses (unsupported
 * schemas among it), `SyntaxError` for an answer that ends before it meets its constraint, `UnknownError` with a cause.
 */
export interface LanguageModel extends EventTarget {
  /** The whole answer. */
  prompt(input: LanguageModelPrompt, options?: LanguageModelPromptOptions): Promise<string>;
  /** Pieces of the answer. Cancelling stops it, and the session is as it was before. */
  promptStreaming(input: LanguageModelPrompt, options?: LanguageModelPromptOptions): ReadableStream<string>;
  /** Adds messages that are read with the next prompt. */
  append(input: LanguageModelPrompt, options?: { readonly signal?: AbortSignal | undefined }): Promise<undefined>;
  /** Tokens that a prompt would add. */
  measureContextUsage(input: LanguageModelPrompt, options?: LanguageModelPromptOptions): Promise<number>;
  /** Tokens of the conversation so far. */
  readonly contextUsage: number;
  /** Tokens that prompts and answers share. */
  readonly contextWindow: number;
  /** `contextoverflow`: the oldest turns, but never the initial prompts, were forgotten to make room. */
  oncontextoverflow: ((event: Event) => void) | null;
  readonly samplingMode: SamplingMode;
  /** A session that goes on from here by itself. */
  clone(options?: { readonly signal?: AbortSignal | undefined }): Promise<LanguageModel>;
  /** Ends what runs with an `AbortError`, and so all later calls. */
  destroy(): void;
}
