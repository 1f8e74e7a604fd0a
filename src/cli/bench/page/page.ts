/** The bench in a page, asked by the command line: a run is started once, then asked for what is new until it ends. */
import type { BenchProgress, BenchResults } from '../../../bench/results.ts';
import { runBench } from '../../../bench/run.ts';
import { OutriderError } from '../../../errors.ts';
import { openReader } from '../../../loader/local.ts';
import type { RunSettings } from '../settings.ts';

/** What is new. */
export type PageAnswer =
  | { readonly kind: 'progress'; readonly progress: BenchProgress }
  | { readonly kind: 'done'; readonly results: BenchResults }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | undefined };

declare global {
  interface Window {
    startBench(settings: RunSettings): void;
    /** Resolves when there is something new. */
    askBench(): Promise<PageAnswer>;
  }
}

const answers: PageAnswer[] = [];
let wake = () => {};

function tell(answer: PageAnswer): void {
  if (answer.kind === 'progress' && answers.at(-1)?.kind === 'progress') answers.pop(); // only the newest matters
  answers.push(answer);
  wake();
}

window.startBench = (settings) => {
  const request = {
    ...settings,
    model: settings.model === undefined ? undefined : () => openReader(settings.model!, { cache: false }),
    signal: new AbortController().signal, // the browser is closed instead
    onProgress: (progress: BenchProgress) => tell({ kind: 'progress', progress }),
    onResults: () => {},
  };
  runBench(navigator.gpu, request).then(
    (results) => tell({ kind: 'done', results }),
    (error: unknown) => {
      const code = error instanceof OutriderError ? error.code : undefined;
      tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error), code });
    },
  );
};

window.askBench = async () => {
  while (answers.length === 0) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  return answers.shift()!;
};
