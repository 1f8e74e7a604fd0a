/** The page's conductor: one engine, one open conversation, and at most one answer in the making. */

import { Announcer } from '../../element/announcer.ts';
import type { Engine, EngineEvent } from '../../index.ts';
import { byId } from '../shared/dom.ts';
import { formatCount, formatRate } from '../shared/format.ts';
import { showProblem } from '../shared/problem-view.ts';
import { type Ending, PartsGatherer, streamAnswer } from './answering.ts';
import type { RoutedLayer } from './conversations/answer.ts';
import type { History } from './conversations/history.ts';
import { type Answer, callsOf, forksOf, type Message, pathTo, shownPath, toMessages } from './conversations/tree.ts';
import type { ExpertPanel } from './experts/panel.ts';
import { RouteRecorder } from './experts/recorder.ts';
import type { TokenRoute } from './experts/table.ts';
import { explainFailure, isRecoverable } from './failures.ts';
import { Composer, type ComposerState } from './messages/composer.ts';
import { TokenCounter } from './messages/counter.ts';
import { Log } from './messages/log.ts';
import type { HolderState, ModelHolder } from './models/holder.ts';
import { isCovered } from './settings/remote.ts';
import { readSettings, requestFields, toolsOf } from './settings/settings.ts';
import { StatusView } from './status.ts';

/** What the page hands to the chat. */
export interface ChatOptions {
  readonly holder: ModelHolder;
  readonly history: History;
  readonly experts: ExpertPanel;
}

const saveMs = 1000; // a reload in the middle of an answer loses at most what came in this time

interface Writing {
  readonly answer: Answer;
  readonly abort: AbortController;
  readonly parts: PartsGatherer;
  readonly routes: RouteRecorder;
}

export class Chat {
  readonly #options: ChatOptions;
  readonly #announcer = new Announcer(byId('announcer'));
  readonly #status = new StatusView();
  readonly #composer: Composer;
  readonly #counter: TokenCounter;
  readonly #log: Log;
  #engine: Engine | undefined;
  /** The answer that is being written, what aborts it, and what comes beside its text. */
  #writing: Writing | undefined;
  /** The answer whose experts the panel shows. */
  #inPanel: string | undefined;
  #layers: readonly RoutedLayer[] = [];
  /** Settles when the answer that is being written has come to its end. */
  #answered: Promise<void> = Promise.resolve();
  #lastFailure: unknown;

  constructor(options: ChatOptions) {
    this.#options = options;
    this.#composer = new Composer({
      onSend: (text) => this.ask(text),
      onStop: () => this.stop(),
      onEditLast: () => this.#log.editLast(),
      onLeave: () => this.#log.focus(),
    });
    this.#counter = new TokenCounter();
    this.#log = new Log({
      onEdit: (id, text) => void this.#afterAnswer(() => this.#ask(text, this.#tree.messages.get(id)?.parent ?? null)),
      onRegenerate: (id) => void this.#afterAnswer(() => this.#answer(this.#tree.messages.get(id)?.parent ?? null)),
      onResults: (id, results) => void this.#afterAnswer(() => this.#answerResults(id, results)),
      onExperts: (id) => {
        options.experts.open();
        this.#showExperts(id);
      },
      onChoose: (id, direction) => {
        if (this.#writing) return;
        options.history.choose(id);
        this.show();
        this.#keepPanel();
        this.#log.focusFork(id, direction);
      },
    });
    options.holder.listen((state, before) => this.#onHolder(state, before));
    byId('prompt').addEventListener('input', () => this.#count());
    this.show();
  }

  /** Why the model, or the last request, failed; undefined where nothing did. For a bug report. */
  get lastFailure(): unknown {
    return this.#lastFailure;
  }

  get #tree() {
    return this.#options.history.tree;
  }

  /** Nothing is loaded until a person decides. */
  awaitModel(): void {
    this.#status.showNoModel('No model is loaded yet.');
  }

  /** Asks at the end of the conversation, and streams the answer. Nothing happens while another answer is being written. */
  ask(text: string): void {
    if (!this.#engine || this.#writing || this.#options.history.isOpening) return;
    this.#ask(text, shownPath(this.#tree).at(-1)?.id ?? null);
  }

  /** Gives another answer to the last question. */
  regenerate(): void {
    const last = shownPath(this.#tree).at(-1);
    if (last) void this.#afterAnswer(() => this.#answer(last.parent));
  }

  /** Asks at once, or leaves the text in the composer while the model is not there yet. */
  suggest(text: string): void {
    if (this.#engine) {
      this.ask(text);
    } else {
      this.#composer.fill(text);
      this.#composer.focus();
    }
  }

  /** Ends the answer that is being written, if there is one; what is there stays. @returns when it has ended */
  stop(): Promise<void> {
    this.#writing?.abort.abort();
    return this.#answered;
  }

  focus(): void {
    this.#composer.focus();
  }

  /** The conversation is another one. */
  reset(): void {
    this.show();
    this.#showExperts(this.#lastAnswer);
    this.#log.follow();
  }

  /** Shows the open conversation as it is now. */
  show(): void {
    const path = shownPath(this.#tree);
    const forks = forksOf(this.#tree, path);
    this.#log.show(
      path.map((message, at) => ({
        message,
        fork: forks.get(message.id),
        writing: message.id === this.#writing?.answer.id,
        isLast: at === path.length - 1,
        inPanel: message.id === this.#inPanel,
        calls: message.role === 'tool' ? callsOf(path[at - 1]) : [],
      })),
    );
    this.#showPage();
    this.#count();
  }

  /** The settings are others now: the system prompt counts too. */
  recount(): void {
    this.#count();
  }

  async #afterAnswer(ask: () => void): Promise<void> {
    if (!this.#engine) return;
    await this.stop();
    if (this.#writing) return; // asked twice: the first one got here before
    this.#composer.focus();
    ask();
  }

  #ask(text: string, parent: string | null): void {
    const question = { ...this.#newMessage(parent), role: 'user', text } as const;
    this.#answer(question.id, question);
  }

  #answerResults(parent: string, results: readonly string[]): void {
    const message = { ...this.#newMessage(parent), role: 'tool', text: '', results } as const;
    this.#answer(message.id, message);
  }

  /** Answers the question, which is added first where it is new. */
  #answer(question: string | null, added?: Message): void {
    if (!this.#engine) return;
    const answer: Answer = {
      ...this.#newMessage(question),
      role: 'assistant',
      text: '',
      outcome: 'stopped',
      ...(readSettings().format && { format: 'json' }),
    };
    const { numLocalExperts } = this.#engine.model;
    this.#writing = {
      answer,
      abort: new AbortController(),
      parts: new PartsGatherer(),
      routes: new RouteRecorder(this.#layers, numLocalExperts),
    };
    this.#inPanel = answer.id;
    this.#emptyPanel();
    this.#options.history.add(...(added ? [added, answer] : [answer]));
    this.#answered = this.#write(this.#engine, this.#writing);
  }

  /** Later than all that is there: branches stand in the order of their times. */
  #newMessage(parent: string | null) {
    const latest = [...this.#tree.messages.values()].reduce((time, { createdAt }) => Math.max(time, createdAt), 0);
    return { id: crypto.randomUUID(), parent, createdAt: Math.max(Date.now(), latest + 1) };
  }

  async #write(engine: Engine, writing: Writing): Promise<void> {
    const { history, experts, holder } = this.#options;
    const { answer, parts, routes } = writing;
    const { signal } = writing.abort;
    this.#setState('answering');
    this.show();
    this.#log.follow();
    const view = this.#log.answerView(answer.id)!;
    const autosave = setInterval(() => history.update({ ...answer, text: view.text }, false), saveMs);
    let ending: Ending;
    let failure: unknown;
    try {
      ending = await this.#stream(engine, writing);
    } catch (error) {
      ending = { outcome: signal.aborted ? 'stopped' : 'failed' };
      if (!signal.aborted) failure = error;
    }
    clearInterval(autosave);
    const extra = { ...parts.finish(), routes: routes.finish() };
    history.update({ ...answer, text: view.text, ...ending, ...extra }, true);
    this.#writing = undefined;
    this.#announcer.flush();
    if (extra.calls) this.#announcer.say(`The model calls ${extra.calls.map(({ name }) => name).join(', ')}.`);
    experts.settle();
    this.show();
    if (failure !== undefined) this.#lastFailure = failure;
    if (this.#engine !== engine) return; // another model has taken its place
    this.#status.showIdle(engine);
    this.#setState('ready');
    if (failure === undefined) return;
    if (isRecoverable(failure)) this.#log.addNotice(await explainFailure(failure, engine.model.id));
    else holder.fail(failure);
  }

  #stream(engine: Engine, { answer, abort, parts }: Writing): Promise<Ending> {
    const settings = readSettings();
    const view = this.#log.answerView(answer.id)!;
    const messages = toMessages(pathTo(this.#tree, answer.parent), settings.systemPrompt);
    return streamAnswer(engine, { messages, ...requestFields(settings) }, abort.signal, parts, {
      onCalls: (calls) => void view.showCalls(calls),
      onText: (text) => {
        view.append(text);
        this.#announcer.push(text);
      },
      onRate: (numTokens, perSecond) => {
        this.#status.show(`${formatCount(numTokens, 'token')}, ${formatRate(perSecond)} per second`);
      },
    });
  }

  #onEvent(event: EngineEvent): void {
    if (event.type === 'routing') this.#onRoute(event);
    else if (event.type === 'prefill') this.#status.showReading(event.processed / event.total);
    else if (event.type === 'downgrade') this.#status.addNotice(event.message);
    else if (event.type === 'remote') this.#status.addNotice(`Answers come from ${event.origin} (${event.model}).`);
    else if (event.type === 'device_lost' && !this.#writing && !(this.#engine && isCovered(this.#engine))) {
      this.#options.holder.fail(event.error); // else the answer's own rejection tells, or a server goes on
    }
  }

  #onRoute(event: TokenRoute): void {
    if (!this.#writing) return;
    this.#writing.routes.add(event);
    if (this.#inPanel === this.#writing.answer.id) this.#options.experts.add(event);
  }

  get #lastAnswer(): string | undefined {
    return shownPath(this.#tree).findLast(({ role }) => role === 'assistant')?.id;
  }

  /** The panel shows what is on the page: another branch has other answers. */
  #keepPanel(): void {
    if (!shownPath(this.#tree).some(({ id }) => id === this.#inPanel)) this.#showExperts(this.#lastAnswer);
  }

  #emptyPanel(): void {
    if (this.#engine?.where === 'local') this.#options.experts.begin(this.#layers, this.#engine.model.numLocalExperts);
    else this.#options.experts.clear();
  }

  #showExperts(id: string | undefined): void {
    const { experts } = this.#options;
    const answer = this.#tree.messages.get(id ?? '');
    this.#inPanel = answer?.id;
    if (answer?.role !== 'assistant') this.#emptyPanel();
    else if (answer.routes) experts.show(answer.routes);
    else experts.showNone();
    this.show();
  }

  /** The engine came, went, or failed. The conversation stays, whatever happens. */
  #onHolder(state: HolderState, before: HolderState): void {
    if (state.kind === 'loading' && state.progress) this.#status.showProgress(state.progress);
    if (state.kind === before.kind) return;
    if (state.kind !== 'ready') {
      void this.stop();
      this.#engine = undefined;
      this.#setState('waiting');
    }
    byId('load-pause').hidden = state.kind !== 'loading' || state.order.entry.kind !== 'remote';
    byId('load-resume').hidden = state.kind !== 'paused';
    if (state.kind !== 'failed') showProblem(undefined);
    if (state.kind === 'ready') this.#useEngine(state.engine);
    else if (state.kind === 'failed') void this.#showFailure(state);
    else if (state.kind === 'paused') this.#status.showNoModel('Paused. What was downloaded stays on this machine.');
    else if (state.kind === 'loading') this.#status.showNoModel('Starting…');
    this.#showPage();
    this.#count();
  }

  #useEngine(engine: Engine): void {
    this.#engine = engine;
    engine.on('event', (event) => this.#onEvent(event));
    this.#layers = engine.model.layers
      .filter((layer) => layer.feedForward === 'moe')
      .map(({ index, attention, rope }) => ({ layer: index, attention, rope }));
    this.#emptyPanel();
    this.#showExperts(this.#inPanel ?? this.#lastAnswer);
    this.#status.showModel(engine);
    this.#status.showIdle(engine);
    this.#announcer.say('The model is ready.');
    this.#setState('ready');
  }

  #setState(state: ComposerState): void {
    this.#composer.state = state;
    byId('log').dataset.state = state;
  }

  async #showFailure(failed: Extract<HolderState, { kind: 'failed' }>): Promise<void> {
    this.#lastFailure = failed.error;
    const problem = await explainFailure(failed.error, failed.order.entry.label);
    if (this.#options.holder.state !== failed) return; // something else has been begun meanwhile
    showProblem(problem);
    this.#status.showNoModel(problem.title);
    this.#status.show(problem.title);
    this.#announcer.say(problem.title);
    this.#showPage();
  }

  #count(): void {
    const settings = readSettings();
    const messages = toMessages(shownPath(this.#tree), settings.systemPrompt);
    this.#counter.show(this.#engine, { messages, tools: toolsOf(settings) }, this.#composer.text);
  }

  /** The empty page, the conversation, and on top of either a problem: a conversation stays in sight below it. */
  #showPage(): void {
    const empty = this.#tree.messages.size === 0;
    byId('log').hidden = empty;
    byId('welcome').hidden = !empty || !byId('problem').hidden || this.#options.history.isOpening;
  }
}
