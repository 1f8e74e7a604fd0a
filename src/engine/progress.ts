/** Progress of loading, from the first file to the first possible token. */

/**
 * `tokenizer`: headers, tokenizer and template; `kernels`: a GPU that is new gets its kernels timed and checked; `weights`: tensors onto the GPU, and into the cache at the same time; `download`:
 * what the cache wants beside the weights; `verify`: hashes of whole files; `pipelines`: shaders are compiled.
 */
export type LoadPhase = 'tokenizer' | 'kernels' | 'weights' | 'download' | 'verify' | 'pipelines';

export interface LoadProgress {
  readonly phase: LoadPhase;
  /** Of this phase: bytes, or pipelines. */
  readonly loaded: number;
  /** Of this phase, in the same unit; 0 where it is not known. */
  readonly total: number;
  /** Of everything, 0..1, never falling. 1 is reported last, when the engine is ready. */
  readonly progress: number;
  /** The file that is read; '' where none is. */
  readonly file: string;
  /** The phase in words for people. */
  readonly text: string;
  /** Mean of the last seconds; 0 where nothing is measured. */
  readonly bytesPerSecond: number;
  /** Until the end of this phase, at that rate; undefined where it is not known. */
  readonly secondsLeft: number | undefined;
}

/** What a step of loading knows of itself. */
export type PhaseProgress = Pick<LoadProgress, 'phase' | 'loaded' | 'total' | 'file'>;

const PHASES: Readonly<Record<LoadPhase, { text: string; from: number; to: number; bytes: boolean }>> = {
  tokenizer: { text: 'Reading the tokenizer', from: 0, to: 0.05, bytes: true },
  kernels: { text: 'Choosing kernels', from: 0.05, to: 0.06, bytes: false },
  weights: { text: 'Loading weights', from: 0.06, to: 0.9, bytes: true },
  download: { text: 'Downloading the rest of the files', from: 0.9, to: 0.93, bytes: true },
  verify: { text: 'Checking the files', from: 0.93, to: 0.95, bytes: true },
  pipelines: { text: 'Preparing the GPU', from: 0.95, to: 1, bytes: false },
};

/** The rate is taken over at least so long a time, so that it neither jumps nor remembers a slow start. */
const RATE_SECONDS = 5;

export interface ProgressReport {
  (report: PhaseProgress): void;
  /** Nothing moves, for the reason that `text` says; the next report ends it. */
  waiting(text: string): void;
}

/** Turns the steps' reports into one line of progress. */
export function trackProgress(onProgress: (progress: LoadProgress) => void): ProgressReport {
  let phase: LoadPhase | undefined;
  let highest = 0;
  let marks: { readonly at: number; readonly loaded: number }[] = [];
  let last: LoadProgress | undefined;
  const report = (step: PhaseProgress): void => {
    const at = performance.now() / 1000;
    if (step.phase !== phase) marks = [];
    phase = step.phase;
    const { text, from, to, bytes } = PHASES[step.phase];
    const { loaded, total } = step;
    marks.push({ at, loaded });
    while (marks.length > 2 && at - marks[1]!.at >= RATE_SECONDS) marks.shift();
    const share = total > 0 ? Math.min(1, loaded / total) : 0;
    highest = Math.max(highest, from + (to - from) * share);
    const seconds = at - marks[0]!.at;
    const bytesPerSecond = bytes && seconds > 0 ? (loaded - marks[0]!.loaded) / seconds : 0;
    const secondsLeft = bytesPerSecond > 0 && total > 0 ? Math.max(0, total - loaded) / bytesPerSecond : undefined;
    last = { ...step, progress: highest, text, bytesPerSecond, secondsLeft };
    onProgress(last);
  };
  const waiting = (text: string): void => {
    marks = []; // the rate begins anew with what comes next
    if (last) onProgress({ ...last, text, bytesPerSecond: 0, secondsLeft: undefined });
  };
  return Object.assign(report, { waiting });
}
