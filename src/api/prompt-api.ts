/**
 * The browser's Prompt API (`LanguageModel`, as specified in June 2026) over an engine: code written for Chrome's built-in
 * model runs with this one. What the specification leaves to the implementation:
 *
 * - `contextWindow` is the engine's context in tokens, which prompts and answers share; there are no other units.
 * - Constraints are told to the model at the end of the user's message (but for `omitResponseConstraintInput`), and enforced.
 * - `temperature`, `topK` and `params()` work everywhere; the names before `contextUsage` and `contextWindow` do not exist.
 * - Destroying a session forgets it; the engine, and the model on the GPU, are their owner's.
 */
import { abortable } from '../ports/abortable.ts';
import { notSupported, quotaExceeded, toDOMException } from './prompt/errors.ts';
import { CONSTRUCTION, LanguageModelSession } from './prompt/language-model.ts';
import { EngineLoader, type PromptEngine, type PromptSource } from './prompt/loader.ts';
import { createMonitor } from './prompt/monitor.ts';
import { checkExpected, MAX_TEMPERATURE, parseOptions, type SessionOptions } from './prompt/options.ts';
import { Session, type SessionEngine } from './prompt/session.ts';
import { describeTools } from './prompt/turn.ts';
import type {
  Availability,
  LanguageModel,
  LanguageModelCreateCoreOptions,
  LanguageModelCreateOptions,
} from './prompt/types.ts';

export type * from './prompt/types.ts';

export type { PromptEngine, PromptSource };

/** What `createLanguageModel` returns: used as the global `LanguageModel` is. Not to be constructed but by `create`. */
export interface LanguageModelClass {
  readonly prototype: LanguageModel;
  /** @throws TypeError, RangeError */
  availability(options?: LanguageModelCreateCoreOptions): Promise<Availability>;
  /**
   * @throws DOMException `NotSupportedError`, `QuotaExceededError` (the initial prompts are too long), `OperationError` (the
   *   model could not be loaded; its cause says why), the signal's reason; TypeError, RangeError, `SyntaxError` for options
   */
  create(options?: LanguageModelCreateOptions): Promise<LanguageModel>;
  /** null where the model is not loaded yet. */
  params(): Promise<LanguageModelParams | null>;
}

export interface LanguageModelParams {
  /** Tokens; the whole vocabulary where the model's own default is not to limit them. */
  readonly defaultTopK: number;
  readonly maxTopK: number;
  readonly defaultTemperature: number;
  readonly maxTemperature: number;
}

/**
 * @example
 * import { createEngine } from 'outrider';
 * import { createLanguageModel } from 'outrider/prompt-api';
 *
 * const LanguageModel = createLanguageModel({ load: (options) => createEngine('/models/llama-scoutling', options) });
 * const session = await LanguageModel.create({ initialPrompts: [{ role: 'system', content: 'You tell stories.' }] });
 * console.log(await session.prompt('Tell me one about a dragon.'));
 *
 * @param source an engine that is loaded already, or how to load one
 */
export function createLanguageModel(source: PromptEngine | PromptSource): LanguageModelClass {
  const loader = new EngineLoader(source);
  const load = async ({ signal, monitor, ...options }: LanguageModelCreateOptions) => {
    signal?.throwIfAborted();
    const parsed = parseOptions(options);
    if (!checkExpected(options)) throw notSupported('Content of these types is not available: only text is.');
    try {
      const engine = sessionEngine(await loader.load(createMonitor(monitor), signal));
      return new Session(engine, parsed, { turns: [], usage: await measureInitial(engine, parsed, signal) });
    } catch (error) {
      throw signal?.aborted ? signal.reason : toDOMException(error, 'OperationError');
    }
  };
  return class extends LanguageModelSession {
    static async availability(options: LanguageModelCreateCoreOptions = {}): Promise<Availability> {
      return checkExpected(options) ? loader.availability() : 'unavailable';
    }

    static async create(options: LanguageModelCreateOptions = {}): Promise<LanguageModel> {
      return new this(CONSTRUCTION, await load(options), options.signal);
    }

    static async params(): Promise<LanguageModelParams | null> {
      const { model } = loader.loaded ?? {};
      if (!model) return null;
      const { topK, temperature } = model.defaults;
      const all = Number.MAX_SAFE_INTEGER;
      return {
        defaultTopK: topK || all,
        maxTopK: all,
        defaultTemperature: temperature,
        maxTemperature: MAX_TEMPERATURE,
      };
    }
  };
}

function sessionEngine(engine: PromptEngine): SessionEngine {
  return {
    completions: engine.chat.completions,
    contextLength: engine.model.contextLength,
    count: (messages, tools) => engine.countTokens({ messages, tools }),
  };
}

async function measureInitial(
  engine: SessionEngine,
  { initial, tools }: SessionOptions,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (initial.length === 0) return 0;
  const counting = engine.count(initial, describeTools(tools));
  const requested = await (signal ? abortable(counting, signal) : counting);
  if (requested < engine.contextLength) return requested;
  throw quotaExceeded({ requested, quota: engine.contextLength });
}
