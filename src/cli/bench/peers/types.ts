/** What is compared, and what comes of it. */
import type { Roofline } from '../../../bench/results.ts';
import type { Part } from './page/ablate.ts';

/** Who computes: this engine, or wllama (llama.cpp in WebAssembly) on the same GPU adapter or on two threads. */
export const SUBJECTS = ['outrider', 'wllama-webgpu', 'wllama-wasm'] as const;
export type Subject = (typeof SUBJECTS)[number];

/** Prompt tokens of a prefill, or tokens of an answer after its first one. */
export interface Measure {
  readonly kind: 'prefill' | 'decode';
  readonly tokens: number;
}

export const MEASURES: readonly Measure[] = [
  { kind: 'prefill', tokens: 64 },
  { kind: 'prefill', tokens: 256 },
  { kind: 'decode', tokens: 32 },
];

/** How a page gets its subject ready. */
export interface LoadRequest {
  readonly subject: Subject;
  /** A model of the folder: NAME.gguf and NAME/ hold the same weights. */
  readonly model: string;
  readonly contextLength: number;
}

export interface LoadedSubject {
  readonly loadMs: number;
  /** Where the weights are, in the subject's own words. */
  readonly weights: string;
  /** Whether the GPU adapter computes; wllama goes back to the CPU without an error. */
  readonly onGpu: boolean;
}

/** One answer, greedy. Times are milliseconds in the page. */
export interface Completed {
  readonly promptTokens: number;
  readonly ids: readonly number[];
  /** From the call to the end of the answer. */
  readonly totalMs: number;
  /** From the first token's text to the last one's. */
  readonly decodeMs: number;
  /** What the subject itself says the prompt, and the tokens after the first, have taken; 0 where it says nothing. */
  readonly ownPrefillMs: number;
  readonly ownDecodeMs: number;
}

/** The page's functions, as `Chromium.evaluate` calls them. */
export interface PeersPage {
  loadSubject(request: LoadRequest): Promise<LoadedSubject>;
  complete(prompt: string, tokens: number): Promise<Completed>;
}

/** Tokens per second of one subject at one measure, over all rounds; `own` by the subject's own clock. */
export interface Rate {
  readonly measure: Measure;
  readonly median: number;
  readonly best: number;
  readonly own: number;
  readonly runsMs: readonly number[];
}

export interface SubjectResult extends LoadedSubject {
  readonly subject: Subject;
  readonly rates: readonly Rate[];
  /** Times that it failed in the middle of an answer and was loaded anew; the answer was asked for again. */
  readonly crashes: number;
  /** One greedy answer per check prompt. */
  readonly answers: readonly (readonly number[])[];
}

export interface ModelResult {
  readonly model: string;
  /** Share of all cores, 0..1, that other things took before a round. */
  readonly busy: number;
  readonly subjects: readonly SubjectResult[];
}

export const ACTIVATIONS = ['f32', 'int8'] as const;
export type Activations = (typeof ACTIVATIONS)[number];

/** An int4 matrix times the vectors of some tokens, as both engines have it. */
export interface ProductCase {
  readonly rows: number;
  readonly cols: number;
  /** 1: matrix times vector, as in decoding. */
  readonly tokens: number;
  /** Columns that share a scale. */
  readonly block: number;
  readonly activations: Activations;
}

export interface ProductTime {
  /** A variant of this engine, or what the peer calls it. */
  readonly name: string;
  /** Seconds of one product: median and least over the rounds. */
  readonly median: number;
  readonly best: number;
  /** The time that the roofline of the same run allows, over the median. */
  readonly share: number;
  /** Root mean square error over that of what was expected; undefined where only a part of the kernel ran. */
  readonly error: number | undefined;
  /** All that was left of the kernel; undefined: it was whole. */
  readonly only: Part | undefined;
}

export interface ProductComparison extends ProductCase {
  readonly peer: ProductTime;
  readonly own: readonly ProductTime[];
}

export interface KernelsResult {
  readonly roofline: Roofline;
  readonly comparisons: readonly ProductComparison[];
}

/** The functions of the page that compares kernels, a case at a time. */
export interface KernelsPage {
  measureRoofline(): Promise<Roofline>;
  compareProduct(product: ProductCase, rounds: number, roofline: Roofline): Promise<ProductComparison>;
}
