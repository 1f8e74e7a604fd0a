/** The choice of a run to compare with: an earlier one of this browser, or another machine's, pasted. */
import type { BenchResults } from '../../bench/results.ts';
import { byId, create } from '../shared/dom.ts';
import { Comparison, nameRun } from './comparison.ts';
import { forgetRuns, readRuns } from './history.ts';
import { parseResults } from './schema.ts';

const PASTE = 'paste';
const PASTED = 'pasted';

export class CompareControl {
  readonly #list = byId<HTMLSelectElement>('compare');
  readonly #dialog = byId<HTMLDialogElement>('paste');
  readonly #onChange: () => void;
  #runs: readonly BenchResults[] = [];
  #pasted: BenchResults | undefined;
  #chosen: BenchResults | undefined;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    this.#list.addEventListener('change', () => this.#onChoice());
    byId('forget').addEventListener('click', () => this.#forget());
    byId('paste-form').addEventListener('submit', (event) => this.#onPaste(event));
    byId('paste-close').addEventListener('click', () => this.#dialog.close());
  }

  get comparison(): Comparison | undefined {
    return this.#chosen && new Comparison(this.#chosen);
  }

  /** Lists earlier runs. @param shown the run that is on the page: nobody compares it with itself */
  list(shown: BenchResults | undefined): void {
    this.#runs = readRuns().filter(({ date }) => date !== shown?.date);
    if (this.#chosen && this.#chosen.date === shown?.date) this.#chosen = undefined;
    const option = (value: string, text: string) => create('option', { value }, text);
    this.#list.replaceChildren(
      option('', 'nothing'),
      ...this.#runs.map((run, index) => option(String(index), nameRun(run))),
      ...(this.#pasted ? [option(PASTED, `${nameRun(this.#pasted)} (pasted)`)] : []),
      option(PASTE, 'another machine’s result…'),
    );
    byId('forget').hidden = this.#runs.length === 0;
    this.#showChoice();
  }

  #onChoice(): void {
    const { value } = this.#list;
    if (value === PASTE) {
      this.#showChoice(); // until something is pasted nothing has changed
      byId('paste-problem').hidden = true;
      this.#dialog.showModal();
      byId('paste-text').focus();
      return;
    }
    this.#chosen = value === PASTED ? this.#pasted : this.#runs[value === '' ? -1 : Number(value)];
    this.#onChange();
  }

  #showChoice(): void {
    const index = this.#runs.findIndex(({ date }) => date === this.#chosen?.date);
    this.#list.value = !this.#chosen ? '' : this.#chosen === this.#pasted ? PASTED : index < 0 ? '' : String(index);
  }

  #onPaste(event: SubmitEvent): void {
    event.preventDefault();
    const field = byId<HTMLTextAreaElement>('paste-text');
    const problem = byId('paste-problem');
    try {
      this.#pasted = parseResults(field.value);
    } catch (error) {
      problem.textContent = error instanceof Error ? error.message : String(error);
      problem.hidden = false;
      field.focus();
      return;
    }
    this.#chosen = this.#pasted;
    field.value = '';
    problem.hidden = true;
    this.#dialog.close();
    this.#list.focus();
    this.#onChange();
  }

  #forget(): void {
    forgetRuns();
    if (this.#chosen !== this.#pasted) this.#chosen = undefined;
    this.#onChange();
  }
}
