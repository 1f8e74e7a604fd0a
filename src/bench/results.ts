/**
 * What a bench run measured, as plain JSON: the page shows it, the command line prints it, and another machine's can be
 * pasted beside it. Times are seconds, rates bytes or operations per second; all are medians unless a name says otherwise.
 */
import type { AdapterFacts } from '../gpu/device.ts';
import type { ChosenVariants } from '../kernels/variants.ts';
import type { ModelReader } from '../model/reader.ts';

/** Raised whenever a field changes its meaning; results of other versions are not compared. */
export const RESULTS_VERSION = 1;

export interface BenchResults {
  readonly version: typeof RESULTS_VERSION;
  /** ISO 8601. */
  readonly date: string;
  readonly outrider: string;
  readonly userAgent: string;
  readonly adapter: AdapterFacts;
  /** WebGPU limits of the device that decide about kernels, by their WebGPU names. */
  readonly limits: Readonly<Record<string, number>>;
  readonly variants: ChosenVariants;
  /** What speaks against the figures: a software adapter, a hidden or throttled tab, errors of correctness. */
  readonly warnings: readonly string[];
  readonly roofline: Roofline;
  readonly kernels: readonly KernelResult[];
  readonly model: ModelResult | undefined;
  readonly scout: ScoutEstimate | undefined;
  readonly curves: CostCurves | undefined;
  readonly trueSize?: TrueSizeResult | undefined;
}

/** What there is of a run so far: each part appears as soon as it was measured, lists grow. */
export type PartialResults = Partial<BenchResults> & Pick<BenchResults, 'version'>;

/** What `runBench(gpu: GPU, request): Promise<BenchResults>` (run.ts) is asked. It runs in a worker of the page, or in Node. */
export interface BenchRequest {
  /** Fewer lengths and repeats: for a first look, and for tests. */
  readonly quick: boolean;
  /** Opens the model to load, with or without what only Node has or a browser keeps; undefined: kernels only. */
  readonly model: (() => Promise<ModelReader>) | undefined;
  /** Cost curves of a small model, from 0 to 16K tokens. Default false. */
  readonly curves?: boolean | undefined;
  /** Two layers of Scout's own size: takes 5 GB of GPU memory. Default false. */
  readonly trueSize?: boolean | undefined;
  /** Default true: the kernel cases. */
  readonly kernels?: boolean | undefined;
  /** Names of variants; a family that is not named is chosen as the engine chooses it. */
  readonly variants?: ChosenVariants | undefined;
  /** Kernel cases in every lossless variant of the adapter, not just the chosen one. Default false. */
  readonly everyVariant?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: BenchProgress) => void;
  /** After each figure; what was there before stays. */
  readonly onResults: (results: PartialResults) => void;
}

/** What a run is doing. */
export interface BenchProgress {
  readonly phase: 'start' | 'roofline' | 'kernels' | 'load' | 'prefill' | 'decode' | 'step' | 'curves' | 'true-size';
  /** One sentence part, as a person reads it: `attention: Scout, global layer, 8192 tokens`. */
  readonly text: string;
  /** 0 .. 1 of the whole run. */
  readonly done: number;
}

export interface Roofline {
  /** Bytes per second of vec4 reads from a buffer larger than caches. */
  readonly readRate: number;
  readonly readBytes: number;
  /** Multiply-adds count twice; f32. */
  readonly flopRate: number;
  /** Seconds per dispatch in one pass, of a kernel that does nothing. */
  readonly dispatchSeconds: number;
  /** Submit, wait for the GPU, read 4 bytes back. */
  readonly roundTripSeconds: number;
}

/** One case of one kernel in one variant. */
export interface KernelResult {
  readonly kernel: string;
  readonly case: string;
  readonly variant: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly flops: number;
  /** The time that the roofline allows, over the time taken: 0 .. 1 and a little more. */
  readonly share: number;
  /** Normalized mean square error against the oracle, and what is allowed. */
  readonly error: number;
  readonly bound: number;
  readonly correct: boolean;
}

export interface ModelResult {
  readonly name: string;
  readonly parameters: { readonly total: number; readonly active: number };
  readonly weightBytes: number;
  /** One per prompt length: from the first token of an empty context. */
  readonly prefill: readonly PrefillResult[];
  /** One per context length. */
  readonly decode: readonly DecodeResult[];
  /** One decode step, kernel by kernel, from a replay: each dispatch alone, many times. */
  readonly step: StepProfile | undefined;
  /** An answer through the public API, while a page watched its own frames; only pages measure this, after `runBench`. */
  readonly answer: AnswerResult | undefined;
  /** Greedy ids equal those stored with the model, where there are any. */
  readonly correct: boolean | undefined;
}

/** What a person sees: one answer, streamed into a page. */
export interface AnswerResult {
  readonly tokens: number;
  readonly firstTokenSeconds: number;
  /** After the first. */
  readonly tokensPerSecond: number;
  /** Between two frames that the page drew while the answer came. */
  readonly medianFrameSeconds: number;
  readonly longestFrameSeconds: number;
}

export interface PrefillResult {
  readonly tokens: number;
  readonly seconds: number;
  readonly flops: number;
}

export interface DecodeResult {
  /** Tokens before the first that was timed. */
  readonly context: number;
  /** Per token. */
  readonly seconds: number;
  readonly bytes: number;
  readonly flops: number;
  readonly dispatches: number;
  readonly share: number;
}

export interface StepProfile {
  readonly context: number;
  readonly ops: readonly OpTime[];
  readonly sumSeconds: number;
  /** The real step in the same run. */
  readonly stepSeconds: number;
  readonly timedBy: 'timestamp-query' | 'clock';
}

/** All dispatches of a step that have one label and kernel. */
export interface OpTime {
  readonly label: string;
  readonly kernel: string;
  readonly dispatches: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly flops: number;
  readonly share: number;
}

/** What this GPU would do with full Scout in int4 g128, if its kernels ran at the rates measured here. */
export interface ScoutEstimate {
  readonly fits: 'yes' | 'no' | 'unknown';
  /** Tokens per second at each context length. */
  readonly decode: readonly { readonly context: number; readonly tokensPerSecond: number }[];
  readonly prefillTokensPerSecond: number;
  /** The formula with its numbers, line by line. */
  readonly formula: readonly string[];
}

/** Seconds per token against the position in the context, layer kind by layer kind, on a small model. */
export interface CostCurves {
  readonly model: string;
  /** Tokens in a chunk of the chunked layers. */
  readonly chunk: number;
  readonly decode: readonly CostCurve[];
  readonly prefill: readonly CostCurve[];
}

export interface CostCurve {
  /** `chunked attention`, `global attention`, `all else`. */
  readonly name: string;
  readonly points: readonly { readonly position: number; readonly seconds: number }[];
  /** Least squares through the points, inside chunks for a chunked layer: seconds, and seconds per token of context. */
  readonly fit: { readonly start: number; readonly slope: number };
}

/** A chunked and a global layer of Scout's own size, and its head: int4 in groups of 128, made by procedure. */
export interface TrueSizeResult {
  /** Tokens in the context. */
  readonly context: number;
  readonly weightBytes: number;
  readonly ops: readonly TrueSizeOp[];
  /** One token through both layers and the head: each operation alone, and all in one pass. */
  readonly sumSeconds: number;
  readonly stepSeconds: number;
  /** The sum of the operations, each as often as all 48 layers have it. */
  readonly tokenSeconds: number;
  readonly tokenBytes: number;
  readonly tokenDispatches: number;
}

export interface TrueSizeOp extends OpTime {
  /** How often a token of all 48 layers meets what these dispatches do. */
  readonly times: number;
}
