/** The second view of the manager: one model's plan, its licence, and the way to load it. */
import { OutriderError } from '../../../../errors.ts';
import { memoryGuide } from '../../../../model/budget.ts';
import type { ModelPlan } from '../../../../model/plan.ts';
import { byId, create, createButton } from '../../../shared/dom.ts';
import { formatBytes } from '../../../shared/format.ts';
import { explain } from '../../problems.ts';
import type { ModelEntry } from '../address.ts';
import type { PlanRequest } from '../api.ts';
import type { ModelCard } from '../card.ts';
import type { HolderState } from '../holder.ts';
import type { Row } from '../listing.ts';
import type { LoadChoices } from '../memory.ts';
import { nextStep } from '../next.ts';
import { machineOf } from '../platform.ts';
import { describeProgress, formatBytesOf } from '../words.ts';
import { type Choices, ChoicesForm } from './choices.ts';
import { licenseId, showLicense } from './license.ts';
import { clearPlan, showPlan } from './plan.ts';

/** What the view asks of the manager. */
export interface SetupActions {
  plan(entry: ModelEntry, request: PlanRequest): Promise<ModelPlan>;
  readCard(entry: ModelEntry, request: Pick<PlanRequest, 'token' | 'signal'>): Promise<ModelCard>;
  load(entry: ModelEntry, choices: LoadChoices): void;
  pause(): void;
  choicesFor(entry: ModelEntry): Choices;
  rememberBudget(bytes: number | undefined): void;
  /** For gated models: kept in memory only. */
  token(entry: ModelEntry): string | undefined;
  setToken(entry: ModelEntry, token: string): void;
  /** Whether nobody has to be asked any more. */
  isAccepted(entry: ModelEntry, license: string): boolean;
  accept(entry: ModelEntry, license: string): void;
}

/** One look at a model; a new look, or leaving, ends what the last one still waits for. */
interface Look {
  readonly row: Row;
  readonly abort: AbortController;
  card?: ModelCard | undefined;
  plan?: ModelPlan | undefined;
}

/** Sections that say nothing where no plan could be made. */
const planned = ['setup-plan', 'setup-downloads', 'setup-licenses'];

const debounceMs = 200; // a slider that is being dragged

export class SetupView {
  readonly #actions: SetupActions;
  readonly #form: ChoicesForm;
  readonly #go = byId<HTMLButtonElement>('setup-go');
  readonly #accepted = byId<HTMLInputElement>('setup-accepted');
  #look: Look | undefined;
  #planning: AbortController | undefined;
  #holder: HolderState = { kind: 'empty' };

  constructor(actions: SetupActions) {
    this.#actions = actions;
    this.#form = new ChoicesForm(() => void this.#planLater());
    this.#go.addEventListener('click', () => this.#load());
    this.#accepted.addEventListener('change', () => this.#showNext());
    byId('setup-pause').addEventListener('click', () => this.#actions.pause());
    const useToken = () => this.#useToken(byId<HTMLInputElement>('setup-token').value.trim());
    byId('setup-token-use').addEventListener('click', useToken);
    byId('setup-token').addEventListener('keydown', ({ key }) => key === 'Enter' && useToken());
    const { caps } = memoryGuide(machineOf(navigator));
    byId('plan-budget-hint').textContent = [
      'Browsers do not tell how much memory a GPU has; set what models may use, and the plan compares.',
      ...caps.map(({ text }) => text),
    ].join(' ');
  }

  /** Reads the model's card and headers, and shows what it needs. */
  show(row: Row): void {
    this.leave();
    const { entry } = row;
    this.#look = { row, abort: new AbortController() };
    byId('setup-facts').textContent = entry.label;
    byId('setup-download').textContent = entry.kind === 'files' ? 'Its files stay where they are.' : '…';
    byId('setup-access').hidden = this.#actions.token(entry) === undefined;
    byId<HTMLInputElement>('setup-token').value = '';
    this.#showProblem(undefined);
    this.#form.show(this.#actions.choicesFor(entry));
    for (const id of planned) byId(id).hidden = false;
    clearPlan('Reading what the model needs…');
    showLicense(entry, undefined, false);
    void this.#readCard(this.#look);
    void this.#plan();
    this.showHolder(this.#holder);
  }

  /** The model that is shown, if one is. */
  get entry(): ModelEntry | undefined {
    return this.#look?.row.entry;
  }

  /** Nothing is shown any more. */
  leave(): void {
    this.#look?.abort.abort();
    this.#look = undefined;
  }

  /** What the engine does, in the foot of the view if it is about the model that is shown. */
  showHolder(state: HolderState): void {
    const isNew = state.kind !== this.#holder.kind;
    this.#holder = state;
    const own = this.#own();
    const progress = own.kind === 'loading' || own.kind === 'paused' ? own.progress : undefined;
    const bar = byId<HTMLProgressElement>('setup-bar');
    bar.classList.toggle('idle', own.kind !== 'loading' && own.kind !== 'paused');
    if (own.kind === 'loading' && !progress?.total) bar.removeAttribute('value');
    else bar.value = progress?.progress ?? 0;
    if (own.kind === 'failed' && isNew) this.#showProblem(own.error);
    else if (own.kind === 'loading' && isNew) this.#showProblem(undefined);
    this.#showNext();
  }

  #own(): HolderState {
    const isOwn = this.#holder.kind !== 'empty' && this.#holder.order.entry.key === this.entry?.key;
    return isOwn ? this.#holder : { kind: 'empty' };
  }

  async #readCard(look: Look): Promise<void> {
    const { entry } = look.row;
    const { signal } = look.abort;
    let card: ModelCard;
    try {
      card = await this.#actions.readCard(entry, { token: this.#actions.token(entry), signal });
    } catch (error) {
      if (signal.aborted) return;
      const words = `The model’s card could not be read: ${explain(error, entry.label).lead} `;
      byId('setup-license').replaceChildren(
        words,
        createButton('Read it again', () => void this.#readCard(look)),
      );
      return;
    }
    if (signal.aborted) return;
    look.card = card;
    showLicense(entry, card, this.#mustAccept(look));
    if (card.gated) byId('setup-access').hidden = false;
    const base = card.baseModel.length > 0 ? ` · from ${card.baseModel.join(', ')}` : '';
    byId('setup-facts').textContent = `${entry.label}${base}`;
    this.#showNext();
  }

  async #planLater(): Promise<void> {
    const look = this.#look;
    this.#actions.rememberBudget(this.#form.read().budget);
    if (look) look.plan = undefined;
    showPlan(undefined);
    this.#showNext();
    this.#planning?.abort();
    const planning = new AbortController();
    this.#planning = planning;
    await new Promise((resolve) => setTimeout(resolve, debounceMs));
    if (!planning.signal.aborted && look === this.#look) await this.#plan();
  }

  async #plan(): Promise<void> {
    const look = this.#look;
    if (!look) return;
    this.#planning?.abort();
    const planning = new AbortController();
    this.#planning = planning;
    const signal = AbortSignal.any([planning.signal, look.abort.signal]);
    const { entry } = look.row;
    const choices = this.#form.read();
    const plan = (changes: LoadChoices = {}) =>
      this.#actions.plan(entry, { ...choices, ...changes, token: this.#actions.token(entry), signal });
    try {
      look.plan = await plan();
      if (signal.aborted) return;
      this.#showProblem(undefined);
      showPlan(look.plan);
      this.#form.showLimits(look.plan);
      byId('setup-download').textContent = describeDownload(look);
      this.#showNext();
      await this.#form.showSavings(look.plan, plan).catch(() => undefined); // options without a price stay hidden
    } catch (error) {
      if (signal.aborted) return;
      this.#showProblem(error);
      for (const id of planned) byId(id).hidden = true;
      this.#showNext();
    }
  }

  #mustAccept({ row: { entry, stored }, card }: Look): boolean {
    if (entry.kind !== 'remote' || stored?.complete) return false;
    return !card || !this.#actions.isAccepted(entry, licenseId(card));
  }

  #showNext(): void {
    const look = this.#look;
    if (!look) return;
    const { entry, stored } = look.row;
    const own = this.#own();
    const next = nextStep({
      kind: entry.kind,
      engine: own.kind,
      verdict: look.plan?.verdict,
      stored: stored?.complete ? 'all' : stored && stored.bytes > 0 ? 'some' : 'nothing',
      mustAccept: this.#mustAccept(look),
      accepted: this.#accepted.checked,
      changed: own.kind === 'ready' && !isSame(this.#form.read(), own.order.request),
    });
    const isLoading = own.kind === 'loading';
    const focused = document.activeElement;
    byId('setup-pause').hidden = !isLoading;
    this.#go.hidden = isLoading;
    this.#go.textContent = next.label;
    this.#go.disabled = !next.enabled;
    if (focused === this.#go && isLoading) byId('setup-pause').focus();
    if (focused === byId('setup-pause') && !isLoading) this.#go.focus();
    byId('setup-status').textContent = describeHolder(own) ?? next.hint;
  }

  #load(): void {
    const look = this.#look;
    if (!look) return;
    const { entry } = look.row;
    if (look.card && this.#mustAccept(look)) this.#actions.accept(entry, licenseId(look.card));
    byId('setup-accept').hidden = true;
    const { budget: _, ...choices } = this.#form.read();
    this.#actions.load(entry, choices);
  }

  #useToken(token: string): void {
    const look = this.#look;
    if (!look || token === '') return;
    this.#actions.setToken(look.row.entry, token);
    this.show(look.row);
  }

  #showProblem(error: unknown): void {
    const section = byId('setup-problem');
    section.hidden = error === undefined;
    if (error === undefined) return;
    const { title, lead, advice } = explain(error, this.entry?.label ?? '');
    const retry = create('button', { type: 'button', className: 'secondary' }, 'Read it again');
    retry.addEventListener('click', () => this.#look && this.show(this.#look.row));
    section.replaceChildren(
      create('strong', {}, title),
      create('p', {}, lead),
      create('ul', {}, ...advice.map((line) => create('li', {}, line))),
      ...(this.#look?.plan ? [] : [retry]),
    );
    section.scrollIntoView({ block: 'nearest' });
    if (error instanceof OutriderError && error.code === 'access_denied') byId('setup-access').hidden = false;
  }
}

function describeHolder(state: HolderState): string | undefined {
  if (state.kind === 'loading') return state.progress ? describeProgress(state.progress) : 'Starting…';
  if (state.kind !== 'paused') return undefined;
  const { progress } = state;
  return progress?.total ? `Paused at ${formatBytesOf(progress.loaded, progress.total)}` : 'Paused';
}

function describeDownload({ row: { entry, stored }, plan }: Look): string {
  const { disk, format } = plan!;
  const download = stored?.complete ? 0 : Math.max(0, disk - (stored?.bytes ?? 0));
  if (entry.kind === 'files')
    return `Its files stay where they are: ${formatBytes(disk)}, ${format}. Nothing is downloaded.`;
  if (download === 0) return `All ${formatBytes(disk)} are on this machine (${format}). Nothing is downloaded.`;
  const rest =
    download < disk ? `${formatBytes(download)} are still to be downloaded` : `${formatBytes(download)} are downloaded`;
  return `${rest}, once, and ${formatBytes(disk)} stay on this machine (${format}). A download that is interrupted goes on where it was.`;
}

function isSame(a: Choices, b: Choices): boolean {
  const names = ['contextLength', 'kvDtype', 'quantizeOnLoad', 'recipe', 'budget'] as const;
  return names.every((name) => a[name] === b[name]);
}
