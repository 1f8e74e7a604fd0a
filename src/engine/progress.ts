/** Progress of loading, from the first file to the first possible token. */

/** `tokenizer`: tokenizer and template; `weights`: tensors onto the GPU; `pipelines`: shaders are compiled. */
export type LoadPhase = 'tokenizer' | 'weights' | 'pipelines';

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
  /** Mean of this phase; 0 where nothing is measured. */
  readonly bytesPerSecond: number;
}

/** What a step of loading knows of itself. */
export type PhaseProgress = Pick<LoadProgress, 'phase' | 'loaded' | 'total' | 'file'>;

const PHASES: Readonly<Record<LoadPhase, { text: string; from: number; to: number; bytes: boolean }>> = {
  tokenizer: { text: 'Reading the tokenizer', from: 0, to: 0.05, bytes: true },
  weights: { text: 'Loading weights', from: 0.05, to: 0.95, bytes: true },
  pipelines: { text: 'Preparing the GPU', from: 0.95, to: 1, bytes: false },
};

/** Turns the steps' reports into one line of progress. */
export function trackProgress(onProgress: (progress: LoadProgress) => void): (report: PhaseProgress) => void {
  let phase: LoadPhase | undefined;
  let started = 0;
  let highest = 0;
  return (report) => {
    const now = performance.now();
    if (report.phase !== phase) started = now;
    phase = report.phase;
    const { text, from, to, bytes } = PHASES[report.phase];
    const share = report.total > 0 ? Math.min(1, report.loaded / report.total) : 0;
    highest = Math.max(highest, from + (to - from) * share);
    const seconds = (now - started) / 1000;
    const bytesPerSecond = bytes && seconds > 0 ? report.loaded / seconds : 0;
    onProgress({ ...report, progress: highest, text, bytesPerSecond });
  };
}
