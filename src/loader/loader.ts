/** Reads a model for the engine: headers, layout, pieces, over any source. */
import { OutriderError } from '../errors.ts';
import type { ConfigOptions } from '../model/config.ts';
import { scheduleLayers } from '../model/irope.ts';
import { bytesToRead, filesOf } from '../model/layout/jobs.ts';
import { type LayoutOptions, layOut, type WeightLayout } from '../model/layout/layout.ts';
import { PlainJobs } from '../model/layout/plain-jobs.ts';
import { keepsAll } from '../model/layout/storage.ts';
import type { Piece } from '../model/pieces.ts';
import type { ModelPlan, PlanOptions } from '../model/plan.ts';
import type {
  CheckpointFacts,
  ChosenContext,
  CompletionProgress,
  ContextRequest,
  ModelReader,
  ModelTexts,
  Notice,
  ParsedTexts,
  PlacedWeights,
  ReadAbort,
} from '../model/reader.ts';
import type { TrialBench } from '../model/tuning/bench.ts';
import type { TuningMemory } from '../model/tuning/memory.ts';
import { subjectOf } from '../model/tuning/subject.ts';
import { type TuningRequest, tuneKernels, type VariantTable } from '../model/tuning/tuning.ts';
import { Channel } from '../ports/channel.ts';
import { dropSpareParts } from '../storage/parts.ts';
import { type ModelSource, readText, throwIfAborted } from '../storage/source.ts';
import { chooseContext } from './context.ts';
import { type Inspected, inspectModel } from './inspect.ts';
import { readPieces } from './pieces.ts';
import { parseTexts } from './texts.ts';

/** What a cache adds to a source. */
export interface CachedFiles {
  /** Fetches what is missing of these files and checks the hashes that the source gave. */
  complete(files: readonly string[], options: ReadAbort): AsyncIterable<CompletionProgress>;
  close(): Promise<void>;
}

export class SourceReader implements ModelReader {
  readonly label: string;
  readonly #source: ModelSource;
  readonly #cache: CachedFiles | undefined;
  readonly #notices: Channel<Notice>;
  readonly #configOptions: ConfigOptions;
  readonly #tuningMemory: TuningMemory | undefined;
  /** Ends whatever is going on when the reader is closed. */
  readonly #closing = new AbortController();
  /** Files that were asked for beside the weights. */
  readonly #texts = new Set(['config.json', 'model.safetensors.index.json']);
  #inspected: Promise<Inspected> | undefined;
  #layout: WeightLayout | undefined;

  /**
   * @param notices what source and cache say while they read
   * @param tuningMemory where choices of kernels are kept; default the browser's
   */
  constructor(
    source: ModelSource,
    cache?: CachedFiles,
    notices = new Channel<Notice>(),
    configOptions: ConfigOptions = {},
    tuningMemory?: TuningMemory,
  ) {
    this.#source = source;
    this.#cache = cache;
    this.#notices = notices;
    this.#configOptions = configOptions;
    this.#tuningMemory = tuningMemory;
    this.label = source.label;
  }

  readText(path: string, maxBytes: number, options: ReadAbort = {}): Promise<string | undefined> {
    this.#texts.add(path);
    return readText(this.#source, path, maxBytes, this.#linked(options));
  }

  async inspect(options: ReadAbort = {}): Promise<CheckpointFacts> {
    const { config, notices, tensors } = await this.#inspect(options);
    return { config, format: tensors.format, notices };
  }

  async parseTexts(texts: ModelTexts): Promise<ParsedTexts> {
    return parseTexts(texts);
  }

  async chooseContext(request: ContextRequest): Promise<ChosenContext> {
    return chooseContext(await this.#inspect({}), { ...request, signal: this.#closing.signal });
  }

  /** What the model would need. */
  async plan(options: PlanOptions): Promise<ModelPlan> {
    const { planInspected } = await import('./plan.ts');
    return planInspected(await this.#inspect({}), { ...options, signal: this.#closing.signal });
  }

  async layOut(options: LayoutOptions): Promise<PlacedWeights> {
    const { config, tensors, plain } = await this.#inspect({});
    const jobs = plain && keepsAll(options) ? new PlainJobs() : new (await import('./formats.ts')).MatrixJobs();
    this.#layout = layOut(tensors, options, jobs);
    const { buffers, weights } = this.#layout;
    return { schedule: scheduleLayers(config), buffers, weights, bytes: bytesToRead(this.#layout.jobs) };
  }

  async tune(request: TuningRequest, bench: TrialBench, options: ReadAbort = {}): Promise<VariantTable> {
    const { config } = await this.#inspect({});
    const subject = subjectOf(config, this.#layOutOrFail().weights, request.kvDtype);
    return tuneKernels(request, subject, bench, { ...this.#linked(options), memory: this.#tuningMemory });
  }

  async *pieces(options: ReadAbort = {}): AsyncGenerator<Piece, void, undefined> {
    const linked = this.#linked(options);
    const { jobs } = this.#layOutOrFail();
    try {
      yield* readPieces(this.#source, jobs, { ...linked, wholeFiles: this.#cache !== undefined });
    } catch (error) {
      // Weights that cannot be right may have arrived damaged: where hashes say so, they are right on disk after this.
      const isDamaged = error instanceof OutriderError && error.code === 'checkpoint_invalid';
      if (isDamaged)
        for await (const { phase, file } of this.complete(options)) if (phase === 'replaced') throw readWrong(file);
      throw error;
    }
  }

  async *complete(options: ReadAbort = {}): AsyncGenerator<CompletionProgress, void, undefined> {
    if (!this.#cache) return;
    const paths: string[] = [];
    for (const path of [...this.#texts, ...filesOf(this.#layOutOrFail().jobs)]) {
      if (await this.#source.stat(path, this.#linked(options))) paths.push(path);
    }
    for await (const progress of this.#cache.complete(paths, this.#linked(options))) {
      if (progress.phase === 'replaced' && this.#texts.has(progress.file)) throw readWrong(progress.file);
      yield progress;
    }
  }

  notices(): AsyncIterable<Notice> {
    return this.#notices;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#layout = undefined;
    this.#inspected = undefined;
    this.#notices.close();
    await this.#cache?.close();
    dropSpareParts();
  }

  #inspect(options: ReadAbort): Promise<Inspected> {
    this.#inspected ??= inspectModel(this.#source, {
      ...this.#linked(options),
      ...this.#configOptions,
      textOnly: true,
    });
    return this.#inspected;
  }

  #layOutOrFail(): WeightLayout {
    throwIfAborted(this.#closing.signal);
    if (!this.#layout) throw new Error('the weights are read before they are laid out');
    return this.#layout;
  }

  #linked({ signal }: ReadAbort): { readonly signal: AbortSignal } {
    const { signal: closing } = this.#closing;
    return { signal: signal ? AbortSignal.any([signal, closing]) : closing };
  }
}

/** What is used already, or stopped the reading. */
function readWrong(file: string): OutriderError {
  const message = `${file} arrived damaged and was downloaded again; it is right now. Load again.`;
  return new OutriderError('checksum_mismatch', message, { details: { file } });
}
