/**
 * What an engine is asked and what it answers, in tokens and text. It knows nothing of OpenAI's shapes: `api/` speaks
 * those, on the page's side of a worker, over anything that is a `TextEngine`.
 */
import type { TemplateMessage } from '../chat/template.ts';
import type { EngineListener } from './events.ts';
import type { ModelFacts } from './facts.ts';
import type { SamplingFields } from './sampling.ts';
import type { EngineStats, Usage } from './stats.ts';

/** A conversation for the model's own template; the answer's header follows it. */
export interface ConversationPrompt {
  readonly messages: readonly TemplateMessage[];
  /** As the template takes them, usually `{ type: 'function', function: { name, description, parameters } }`. */
  readonly tools?: readonly unknown[] | undefined;
  /** Further variables of the template, by name. */
  readonly templateKwargs?: Readonly<Record<string, unknown>> | undefined;
  /** The answer's text so far: generation goes on after it. Default ''. */
  readonly answer?: string | undefined;
}

/** Text that is continued without a template. Special-token text in it is plain text; begins with the model's begin token. */
export interface TextPrompt {
  readonly text: string;
}

/** Ids that are fed as they are; at least one. */
export interface IdsPrompt {
  readonly ids: readonly number[];
}

export type Prompt = ConversationPrompt | TextPrompt | IdsPrompt;

export interface GenerateRequest {
  readonly prompt: Prompt;
  readonly sampling: { readonly [field in keyof SamplingFields]?: SamplingFields[field] | undefined };
  /** -2..2, subtracted from the logit of every id that the answer has already; default 0. */
  readonly presencePenalty?: number | undefined;
  /** -2..2, subtracted from the logit of an id once for each time that the answer has it; default 0. */
  readonly frequencyPenalty?: number | undefined;
  /** Added to logits, -100..100 (at -100 the id is never chosen, at 100 only such ids are); each id once, below `numTokens`. */
  readonly logitBias?: readonly (readonly [id: number, bias: number])[] | undefined;
  /** A safe integer; undefined draws one. The same seed, request, adapter and variants give the same text. */
  readonly seed?: number | undefined;
  /** Answers to the one prompt, generated one after another, each with its own randomness; default 1. */
  readonly choices?: number | undefined;
  /** Alternatives per token, 0..20, with log-probabilities of the model's own distribution (before penalties, biases, temperature); undefined: none. */
  readonly logprobs?: number | undefined;
  /** Tokens per choice, >= 1; undefined, or more than the context has room for, means the rest of the context. */
  readonly maxTokens?: number | undefined;
  /** None of them empty. The answer ends before the first that appears. Default none. */
  readonly stops?: readonly string[] | undefined;
  /** Do not end at the model's end tokens; default false. */
  readonly ignoreEnd?: boolean | undefined;
  /** What becomes of a conversation that is too long: `context_overflow`, or its oldest turns are left out (never the system prompt and the newest turn). Default 'error'. */
  readonly overflow?: 'error' | 'truncate' | undefined;
  /** Whoever asks; requests of one client do not hold up another's: clients take turns. Default ''. */
  readonly client?: string | undefined;
}

/** What goes beside a request. */
export interface GenerateOptions {
  readonly signal?: AbortSignal | undefined;
  /** Where a `MaskSource` is served that says which ids are allowed; moved, and closed at the end. Such a request runs one step at a time. */
  readonly masks?: MessagePort | undefined;
}

/** Says which ids may come next, by a grammar. Calls come one after another. */
export interface MaskSource {
  /** Begins a choice. @returns bit `id % 32` of word `id / 32` is set where the id is allowed [ceil(numTokens / 32)] */
  start(): Promise<Uint32Array<ArrayBuffer>>;
  /** The id was chosen. @returns what may follow; undefined: nothing may, the choice ends here. */
  accept(id: number): Promise<Uint32Array<ArrayBuffer> | undefined>;
}

/** `stop`: an end token, a stop string, or a finished grammar; `length`: `max_tokens` or the end of the context. */
export type FinishReason = 'stop' | 'length';

/** An id and how probable it was. */
export interface TokenLogprob {
  readonly id: number;
  /** The id's own text, '' for a part of a character; special tokens as they are written. */
  readonly text: string;
  /** The id's bytes; of a special token those of its text. */
  readonly bytes: readonly number[];
  /** Natural logarithm, <= 0. */
  readonly logprob: number;
}

/** With the most probable ids at its place, in falling order; as many as were asked for. */
export interface ChosenLogprob extends TokenLogprob {
  readonly top: readonly TokenLogprob[];
}

/** Of every choice, in order: pieces of text, then one end; after the last choice one `usage`. */
export type GenerationEvent =
  | {
      readonly type: 'text';
      /** 0-based. */
      readonly choice: number;
      /** '' only where `tokens` has an id that completes no text. */
      readonly text: string;
      /** The ids that completed this text, where log-probabilities were asked for. */
      readonly tokens?: readonly ChosenLogprob[] | undefined;
    }
  | {
      readonly type: 'end';
      readonly choice: number;
      readonly finishReason: FinishReason;
      /** The end token that was chosen, where log-probabilities were asked for: part of no text. */
      readonly tokens?: readonly ChosenLogprob[] | undefined;
    }
  | { readonly type: 'usage'; readonly usage: Usage };

/** A prompt as the model gets it. */
export interface EncodedPrompt {
  readonly ids: readonly number[];
  /** The same with special tokens as they are written. */
  readonly text: string;
  /** Whether somebody wrote the text of a special token: whoever tokenizes `text` again takes that for the token. */
  readonly misreadable: boolean;
}

/** What a grammar needs of a tokenizer. */
export interface Vocabulary {
  /** Bytes of each id; empty for special tokens, which no grammar allows. [numTokens] */
  readonly bytes: readonly Uint8Array[];
  /** Ids that end an answer. */
  readonly endIds: readonly number[];
}

/** A loaded model that turns prompts into text: in this thread (`ConversationEngine`), or behind a worker. */
export interface TextEngine {
  /** What was loaded, and where it runs. Plain data. */
  readonly model: ModelFacts;
  /**
   * Begins when the first item is asked for and its turn has come; leaving the loop early stops the generation.
   * @throws while iterating: OutriderError `context_overflow`, `template_error`, `invalid_request`, `engine_unloaded`,
   *   `device_lost`, `worker_failed`, or the signal's reason
   */
  generate(
    request: GenerateRequest,
    options?: GenerateOptions,
  ): AsyncIterableIterator<GenerationEvent, void, undefined>;
  /** Works after the device was lost, too. @throws OutriderError `template_error` */
  encode(prompt: Prompt): Promise<EncodedPrompt>;
  /** Special tokens as they are written. @throws OutriderError `invalid_request` for an id that the tokenizer lacks */
  decode(ids: readonly number[]): Promise<string>;
  vocabulary(): Promise<Vocabulary>;
  /** Stops everything that runs or waits, whoever asked for it; those calls reject with an `AbortError`. */
  interrupt(): Promise<void>;
  /** @returns the function that ends the subscription */
  on(listener: EngineListener): () => void;
  stats(): Promise<EngineStats>;
  unload(): Promise<void>;
}
