/** The page's conductor: one run at a time, and the results that are on the page. */
import type { BenchProgress, BenchResults, PartialResults } from '../../bench/results.ts';
import { OutriderError } from '../../errors.ts';
import { byId } from '../shared/dom.ts';
import { showProblem } from '../shared/problem-view.ts';
import { unusablePlatform } from '../shared/problems.ts';
import { CompareControl } from './compare.ts';
import { keepRun, readRuns } from './history.ts';
import { chosenModel } from './models.ts';
import { explainRun } from './problems.ts';
import { measureAnswer } from './run/answer.ts';
import { runInWorker } from './run/client.ts';
import { TabWatch } from './run/watch.ts';
import { RunExports } from './view/exports.ts';
import { ResultsView } from './view/results.ts';
import { RunView } from './view/run.ts';

/** How much is measured. */
export type Extent = 'quick' | 'full' | 'scout';

const EXTENTS = {
  quick: { quick: true, curves: false, trueSize: false },
  full: { quick: false, curves: true, trueSize: false },
  scout: { quick: false, curves: true, trueSize: true },
} as const satisfies Record<Extent, unknown>;

/** What the answer in the page takes of the whole run, by guess. */
const ANSWER_SHARE = 0.1;

export class Bench {
  readonly #view = new ResultsView();
  readonly #run = new RunView();
  readonly #compare = new CompareControl(() => this.#show());
  #shown: PartialResults | undefined;
  /** The run on the page, once it has ended well. */
  #complete: BenchResults | undefined;
  #running: AbortController | undefined;

  constructor() {
    new RunExports(
      () => this.#complete,
      () => this.#compare.comparison,
    );
    this.#complete = readRuns()[0];
    this.#shown = this.#complete;
    this.#show();
  }

  /** Measures everything, in the order of the page. Nothing happens while another run goes on. */
  async start(extent: Extent): Promise<void> {
    if (this.#running) return;
    const abort = new AbortController();
    this.#running = abort;
    const watch = new TabWatch();
    this.#complete = undefined;
    this.#shown = undefined;
    byId('answer-text').textContent = '';
    showProblem(undefined);
    this.#run.begin();
    this.#show();
    try {
      const results = await this.#measure(extent, abort.signal, watch);
      this.#complete = results;
      this.#shown = results;
      this.#run.end(keepRun(results) ? 'Done. This run is kept in this browser.' : 'Done. This browser keeps no runs.');
    } catch (error) {
      this.#end(error, abort.signal);
    } finally {
      watch.stop();
      this.#running = undefined;
      this.#show();
    }
  }

  /** Ends the run; what was measured stays on the page. */
  stop(): void {
    this.#running?.abort();
  }

  /** The colours of the page have changed. */
  redraw(): void {
    this.#view.redraw();
  }

  async #measure(extent: Extent, signal: AbortSignal, watch: TabWatch): Promise<BenchResults> {
    const unusable = unusablePlatform();
    if (unusable) throw unusable;
    const model = chosenModel();
    const part = model === undefined ? 1 : 1 - ANSWER_SHARE;
    const add = (results: PartialResults) => this.#show(withWarnings(results, watch));
    const onProgress = (progress: BenchProgress) => this.#run.show(progress, part * progress.done);
    const results = await runInWorker({ ...EXTENTS[extent], model, signal, onProgress, onResults: add });
    add(results);
    if (model === undefined || !results.model) return withWarnings(results, watch);
    const answer = await this.#answer(model, EXTENTS[extent].quick, signal);
    return withWarnings({ ...results, model: { ...results.model, answer } }, watch);
  }

  #answer(model: string, quick: boolean, signal: AbortSignal) {
    const start = 1 - ANSWER_SHARE;
    for (const id of ['answer', 'answer-text']) byId(id).hidden = false;
    return measureAnswer({
      model,
      maxTokens: quick ? 32 : 128,
      signal,
      onProgress: ({ progress, text }) =>
        this.#run.show(
          { phase: 'answer', text: `an answer in this page. ${text}` },
          start + (ANSWER_SHARE / 2) * progress,
        ),
      onText: (text) => {
        byId('answer-text').textContent = text;
        if (text === '') this.#run.show({ phase: 'answer', text: 'an answer in this page' }, 1 - ANSWER_SHARE / 2);
      },
    });
  }

  #end(error: unknown, signal: AbortSignal): void {
    const isStopped = signal.aborted || (error instanceof OutriderError && error.code === 'aborted');
    this.#run.end(isStopped ? 'Stopped. What was measured so far is below; it is not kept.' : 'The run has failed.');
    if (!isStopped) showProblem(explainRun(error));
  }

  #show(results = this.#shown): void {
    this.#shown = results;
    this.#compare.list(this.#complete);
    this.#view.show(results, this.#compare.comparison);
    byId('exports').hidden = !this.#complete;
    byId('answer').hidden = !(results?.model?.answer || byId('answer-text').textContent);
    byId('answer-text').hidden = byId('answer-text').textContent === '';
  }
}

function withWarnings<T extends PartialResults>(results: T, { warnings }: TabWatch): T {
  return { ...results, warnings: [...(results.warnings ?? []), ...warnings] };
}
