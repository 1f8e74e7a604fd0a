/** One model in the list: its state in words, what can be done next, and behind "Details" the rarer things. */
import type { LoadProgress } from '../../../../index.ts';
import { create, createButton } from '../../../shared/dom.ts';
import { formatBytes, formatCount } from '../../../shared/format.ts';
import { explain } from '../../problems.ts';
import type { StoredModel, Update } from '../api.ts';
import { cardOf } from '../cards.ts';
import type { Row, RowState } from '../listing.ts';
import { describeVerification } from '../stored-words.ts';
import { describeProgress, formatBytesOf } from '../words.ts';
import { licenseLine } from './license.ts';

/** What a person can do with a row. All settle when it is done; failures are shown in the row. */
export interface RowActions {
  /** Loads at once, or resumes. */
  load(row: Row): void;
  /** Shows the plan, the licence, and the choices. */
  setUp(row: Row): void;
  pause(): void;
  verify(
    stored: StoredModel,
    onProgress: (checked: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<number>;
  /** @param apply drops what is stored of files that changed */
  update(row: Row, stored: StoredModel, apply: boolean): Promise<Update>;
  delete(stored: StoredModel): Promise<void>;
  /** Takes the model out of the list. */
  forget(row: Row): Promise<void>;
}

const nextStep: Readonly<Record<RowState, string>> = {
  'in-use': 'Show plan',
  loading: 'Pause',
  paused: 'Resume',
  complete: 'Load',
  partial: 'Resume',
  broken: '',
  absent: 'Show plan',
  files: 'Load',
};

export class RowView {
  readonly element = create('li', { className: 'model-row' });
  readonly #actions: RowActions;
  readonly #title = createButton('', () => this.#actions.setUp(this.#row));
  readonly #state = create('p', { className: 'model-state' });
  readonly #bar = create('progress', { max: 1, hidden: true });
  readonly #next = createButton('', () => this.#step());
  readonly #facts = create('dl');
  readonly #tools = create('div', { className: 'model-tools' });
  readonly #outcome = create('p', { className: 'model-outcome', role: 'status' });
  #row: Row;
  #progress: LoadProgress | undefined;
  /** Stands in the place of the tools: a check until it ends, a question as long as the model's state is what it was. */
  #instead: 'check' | 'question' | undefined;

  constructor(row: Row, actions: RowActions) {
    this.#actions = actions;
    this.#row = row;
    this.#title.className = 'model-title';
    this.#next.className = 'secondary';
    const more = create('details', { className: 'model-more' }, create('summary', {}, 'Details'));
    more.append(this.#facts, this.#outcome, this.#tools);
    const words = create('div', { className: 'model-words' }, this.#title, this.#state);
    this.element.append(words, this.#next, this.#bar, more);
    this.update(row);
  }

  /** The engine loads this model; may come many times a second. */
  showProgress(progress: LoadProgress): void {
    this.#progress = progress;
    if (this.#row.state !== 'loading') return;
    this.#state.textContent = describeProgress(progress);
    this.#bar.value = progress.progress;
  }

  /** Shows what is true of the model now. */
  update(row: Row): void {
    if (this.#instead === 'question' && row.state !== this.#row.state) {
      this.#instead = undefined;
      this.#say('');
    }
    this.#row = row;
    if (row.state !== 'loading' && row.state !== 'paused') this.#progress = undefined;
    const progress = this.#progress;
    const { entry, stored, state } = row;
    this.element.dataset.state = state;
    this.#title.textContent = entry.name;
    this.#title.title = `Plan and choices for ${entry.label}`;
    this.#state.textContent = describeState(row, progress);
    this.#next.hidden = state === 'broken';
    this.#next.textContent = nextStep[state];
    this.#next.setAttribute('aria-label', `${nextStep[state]}: ${entry.name}`);
    this.#showBar(state, progress?.progress ?? (stored ? stored.bytes / Math.max(1, stored.size) : 0));
    this.#showFacts();
    if (!this.#instead) this.#showTools();
  }

  #showBar(state: RowState, share: number): void {
    this.#bar.hidden = !['loading', 'paused', 'partial'].includes(state);
    this.#bar.value = share;
    this.#bar.ariaLabel = `Part of ${this.#row.entry.name} that is there`;
  }

  #showFacts(): void {
    const { entry, stored } = this.#row;
    const card = cardOf(entry);
    const facts: [string, (Node | string)[]][] = [['Address', [entry.label]]];
    if (card) facts.push(['Licence', licenseLine(entry, card)]);
    if (stored)
      facts.push(['Stored', [stored.complete ? formatBytes(stored.bytes) : formatBytesOf(stored.bytes, stored.size)]]);
    this.#facts.replaceChildren(
      ...facts.flatMap(([name, value]) => [create('dt', {}, name), create('dd', {}, ...value)]),
    );
  }

  #showTools(): void {
    const { entry, stored, state } = this.#row;
    const buttons = [createButton('Plan and choices', () => this.#actions.setUp(this.#row))];
    if (stored && state === 'broken')
      buttons.splice(
        0,
        1,
        createButton('Delete…', () => this.#confirmDelete(stored)),
      );
    else if (stored && stored.bytes > 0) {
      buttons.push(
        createButton('Check what is stored', () => void this.#verify(stored)),
        createButton('Look for an update', () => void this.#update(stored)),
        createButton('Delete…', () => this.#confirmDelete(stored)),
      );
    } else if (entry.kind === 'remote' || entry.kind === 'here') {
      buttons.push(createButton('Remove from this list', () => void this.#actions.forget(this.#row)));
    }
    const focused = this.#tools.contains(document.activeElement);
    const label = focused ? document.activeElement?.textContent : undefined;
    this.#tools.replaceChildren(...buttons);
    if (label) buttons.find((button) => button.textContent === label)?.focus();
  }

  #step(): void {
    const { state } = this.#row;
    if (state === 'loading') this.#actions.pause();
    else if (state === 'in-use' || state === 'absent') this.#actions.setUp(this.#row);
    else this.#actions.load(this.#row);
  }

  async #verify(stored: StoredModel): Promise<void> {
    const checking = new AbortController();
    this.#instead = 'check';
    const bar = create('progress', { max: 1, value: 0, ariaLabel: 'Checking' });
    const words = create('span'); // not in the live region, which would read every megabyte aloud
    const stop = createButton('Stop checking', () => checking.abort());
    this.#say('');
    this.#tools.replaceChildren(bar, words, stop);
    stop.focus();
    const onProgress = (checked: number, total: number) => {
      bar.value = checked / Math.max(1, total);
      words.textContent = formatBytesOf(checked, total);
    };
    try {
      onProgress(0, stored.bytes);
      this.#say(describeVerification(await this.#actions.verify(stored, onProgress, checking.signal), stored.bytes));
    } catch (error) {
      if (checking.signal.aborted) this.#say('Stopped.');
      else this.#sayFailure(error);
    }
    this.#instead = undefined;
    const focused = this.#tools.contains(document.activeElement);
    this.#showTools();
    if (focused) this.#tools.querySelector('button')?.focus();
  }

  async #update(stored: StoredModel, apply = false): Promise<void> {
    this.#instead = undefined;
    this.#say('Asking the server…');
    try {
      const { numFiles, download } = await this.#actions.update(this.#row, stored, apply);
      const files = `${formatCount(numFiles, 'file')} changed (${formatBytes(download)})`;
      if (numFiles === 0) this.#say('This is the newest version.');
      else if (apply) this.#say(`${files}. Loading the model fetches what changed, and nothing else.`);
      else {
        const button = createButton('Update', () => void this.#update(stored, true));
        const later = createButton('Not now', () => this.#settle());
        this.#ask(`${files}.`, [button, later], button);
      }
    } catch (error) {
      this.#sayFailure(error);
    }
    if (apply) this.#showTools();
  }

  #confirmDelete(stored: StoredModel): void {
    const { entry, state } = this.#row;
    if (['in-use', 'loading'].includes(state)) {
      this.#say(`${entry.name} is in use here. Load another model first, then delete it.`);
      return;
    }
    const keep = createButton('Keep it', () => this.#settle());
    const confirm = createButton('Delete', () => void this.#delete(stored));
    confirm.classList.add('danger');
    const question = `Delete ${formatBytes(stored.bytes)} from this machine? Loading it again downloads them again.`;
    this.#ask(question, [confirm, keep], keep);
  }

  /** @param first gets the focus */
  #ask(question: string, answers: readonly HTMLButtonElement[], first: HTMLButtonElement): void {
    this.#instead = 'question';
    this.#say(question);
    this.#tools.replaceChildren(...answers);
    first.focus();
  }

  async #delete(stored: StoredModel): Promise<void> {
    this.#instead = undefined;
    this.#say('Deleting…');
    try {
      await this.#actions.delete(stored);
      this.#say(`${formatBytes(stored.bytes)} are free again.`);
      this.#title.focus();
    } catch (error) {
      this.#sayFailure(error);
      this.#showTools();
    }
  }

  /** Back from a question to the tools. */
  #settle(): void {
    this.#instead = undefined;
    this.#say('');
    this.#showTools();
    this.#tools.querySelector('button')?.focus();
  }

  #say(words: string): void {
    this.#outcome.textContent = words;
  }

  #sayFailure(error: unknown): void {
    const { title, lead, advice } = explain(error, this.#row.entry.label);
    this.#say(`${title}. ${lead} ${advice[0] ?? ''}`);
  }
}

function describeState({ entry, stored, state }: Row, progress: LoadProgress | undefined): string {
  const there = stored ? `${formatBytes(stored.bytes)} on this machine` : 'not stored';
  switch (state) {
    case 'in-use':
      return stored && stored.bytes > 0 ? `In use · ${there}` : 'In use';
    case 'loading':
      return progress ? describeProgress(progress) : 'Starting…';
    case 'paused':
      return stored ? `Paused · ${formatBytesOf(stored.bytes, stored.size)} on this machine` : 'Paused';
    case 'complete':
      return there;
    case 'partial':
      return `${formatBytesOf(stored!.bytes, stored!.size)} on this machine`;
    case 'files':
      return entry.label;
    case 'broken':
      return stored?.problem ?? '';
    case 'absent':
      return entry.kind === 'embedded' ? 'Comes with this page · not stored yet' : 'Not downloaded';
  }
}
