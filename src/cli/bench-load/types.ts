/** What is measured: stages alone, and together as a load does them. Plain data that crosses processes and workers. */

export const STAGES = ['fetch', 'upload', 'part-hash', 'hash', 'disk', 'gpu', 'all', 'throttled'] as const;
export type Stage = (typeof STAGES)[number];

export const PLACES = ['node', 'chromium'] as const;
export type Place = (typeof PLACES)[number];

export interface StageFacts {
  readonly what: string;
  /** A browser's alone: Node has no cache to write to and no parts to check. */
  readonly browserOnly: boolean;
  /** Takes disk: stored, and where hashes are promised hashed. */
  readonly cached: boolean;
}

const facts = (what: string, browserOnly = false, cached = false): StageFacts => ({ what, browserOnly, cached });
/** By one worker of the page alone; all others take a loader's and an engine's. */
export const SOLO_STAGES: readonly Stage[] = ['fetch', 'part-hash', 'hash', 'disk'];

export const STAGE_FACTS: Readonly<Record<Stage, StageFacts>> = {
  fetch: facts('the requests, bytes thrown away'),
  upload: facts('GPU alone, bytes from memory'),
  'part-hash': facts('SHA-256 of each part alone (WebCrypto)', true),
  hash: facts('SHA-256 of whole files alone'),
  disk: facts('writing to OPFS alone', true, true),
  gpu: facts('(a) requests and GPU'),
  all: facts('(c) everything on', false, true),
  throttled: facts('(b) everything on, source at 125 MB/s', false, true),
};

/** One stage to be run. */
export interface StageRequest {
  readonly stage: Stage;
  /** The ghost's folder. */
  readonly url: string;
  /** Its weight files. */
  readonly files: readonly { readonly path: string; readonly size: number; readonly sha256?: string | undefined }[];
}

/** The timed part of a stage: what comes before it (headers, buffers, workers) is not counted. */
export type Work = () => Promise<WorkDone>;

export interface WorkDone {
  readonly bytes: number;
  readonly seconds: number;
  /** Bytes of the buffers on the GPU that were written to. */
  readonly gpuBytes: number;
  /** Of the GPU, where there is one in the stage. */
  readonly adapter: string;
}

/** All bytes. */
export interface MemoryPeaks {
  /** JavaScript: used heap and backing stores of all threads, sampled every 50 ms. */
  readonly heap: number;
  readonly samples: number;
  /** RSS of all processes: before the work began and at its highest. Shared memory counts in each process that maps it. */
  readonly rssBefore: number;
  readonly rss: number;
}

export interface StageResult extends WorkDone {
  readonly place: Place;
  readonly stage: Stage;
  /** CPU time during the work. */
  readonly cpu: { readonly loadSeconds: number; readonly ghostSeconds: number };
  readonly memory: MemoryPeaks;
}

export function totalBytes({ files }: Pick<StageRequest, 'files'>): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
