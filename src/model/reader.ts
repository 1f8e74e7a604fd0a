/**
 * What the engine asks of whoever reads the model's files: `src/loader` does, in a worker of its own or in this thread. All
 * that comes back is plain data.
 */
import type { CompiledTemplate } from '../chat/program.ts';
import type { TokenizerFacts } from '../tokenizer/parse.ts';
import type { ModelConfig } from './config.ts';
import type { GenerationConfig } from './generation-config.ts';
import type { Schedule } from './irope.ts';
import type { BufferPlan, LayoutOptions } from './layout/layout.ts';
import type { Piece } from './pieces.ts';
import type { AdapterLimits, PlanOptions } from './plan.ts';
import type { TrialBench } from './tuning/bench.ts';
import type { TuningRequest, VariantTable } from './tuning/tuning.ts';
import type { Weights } from './weights.ts';

export interface ReadAbort {
  readonly signal?: AbortSignal | undefined;
}

/** What the headers say. */
export interface CheckpointFacts {
  readonly config: ModelConfig;
  /** How the weights are stored, for people. */
  readonly format: string;
  /** What is computed otherwise than config and checkpoint ask. */
  readonly notices: readonly string[];
}

/** For how long a context there shall be room. */
export interface ContextRequest extends Omit<PlanOptions, 'stored'> {
  readonly adapterLimits: AdapterLimits;
}

export interface ChosenContext {
  /** Tokens. */
  readonly contextLength: number;
  /** Bytes of the budget that a full context leaves; undefined without a budget. */
  readonly spareBytes: number | undefined;
}

/** The weights on a GPU with these limits. */
export interface PlacedWeights {
  readonly schedule: Schedule;
  readonly buffers: readonly BufferPlan[];
  readonly weights: Weights<number>;
  /** Bytes that will be read from the source for them. */
  readonly bytes: number;
}

/** How far the files are complete and checked, in bytes. */
export interface CompletionProgress {
  /** `replaced`: what was read of this file was wrong, by its hash, and is right now: it has to be read again. */
  readonly phase: 'download' | 'verify' | 'replaced';
  readonly loaded: number;
  readonly total: number;
  readonly file: string;
}

export interface Notice {
  /** `waiting`: nothing moves until something outside changes, as `text` says; an empty text ends it. */
  readonly kind: 'waiting' | 'notice';
  readonly text: string;
}

/** The texts beside config and weights; undefined where the folder has none. JSON is parsed, and not checked. */
export interface ModelTexts {
  /** `chat_template.jinja`. */
  readonly jinja: string | undefined;
  /** `tokenizer_config.json`. */
  readonly tokenizerConfig: unknown;
  /** `generation_config.json`. */
  readonly generation: unknown;
  /** `tokenizer.json`; its tables may be left out. */
  readonly tokenizer: unknown;
}

/** What the texts say, as plain data. */
export interface ParsedTexts {
  readonly tokenizer: TokenizerFacts;
  readonly template: CompiledTemplate;
  readonly generation: GenerationConfig;
  /** What of `generation_config.json` is not done. */
  readonly notices: readonly string[];
}

export interface ModelReader {
  /** For people: where the model is. */
  readonly label: string;
  /** A small text file; undefined where there is none. */
  readText(path: string, maxBytes: number, options?: ReadAbort): Promise<string | undefined>;
  /** Reads config and headers, once. Throws every code of `openCheckpoint` and `assignRoles`. */
  inspect(options?: ReadAbort): Promise<CheckpointFacts>;
  /**
   * Checks and parses the texts: what a load needs once is not in the engine's core. Throws
   * `tokenizer_invalid`, `template_error`, `config_unsupported`.
   */
  parseTexts(texts: ModelTexts, options?: ReadAbort): Promise<ParsedTexts>;
  /**
   * Throws `model_too_large` where the budget or the adapter's bindings cannot hold the model with it, `invalid_request` for
   * what no context of this model is.
   */
  chooseContext(request: ContextRequest): Promise<ChosenContext>;
  /** Throws `model_too_large` where a matrix cannot be cut to fit. */
  layOut(options: LayoutOptions): Promise<PlacedWeights>;
  /**
   * Chooses the kernels for the layout that was asked for last, by measuring on `bench`, and checks them: what a load needs
   * once is not in the engine's core. Throws `gpu_incorrect`, `aborted`, and what the bench throws.
   */
  tune(request: TuningRequest, bench: TrialBench, options?: ReadAbort): Promise<VariantTable>;
  /**
   * The weights, in the layout that was asked for last. A piece is the consumer's until it asks for the next: its bytes are
   * used again then. Leaving the loop stops the reading.
   */
  pieces(options?: ReadAbort): AsyncIterable<Piece>;
  /** Fetches what the weights did not need, and ends when every given hash was compared. Does nothing without a cache. */
  complete(options?: ReadAbort): AsyncIterable<CompletionProgress>;
  /** What happens on the way that people should know, until the reader is closed. To be called once. */
  notices(): AsyncIterable<Notice>;
  /** Frees files and connections. The model may be deleted from the cache from here on. */
  close(): Promise<void>;
}
