/** The page's conductor: one engine, one conversation, and at most one answer in the making. */
import type { Engine, EngineEvent } from '../../index.ts';
import { byId } from '../shared/dom.ts';
import { formatCount, formatRate } from '../shared/format.ts';
import { showProblem } from '../shared/problem-view.ts';
import { readJson, writeJson } from '../shared/storage.ts';
import {
  type AnswerStats,
  type Outcome,
  restoreTurns,
  type Turn,
  toMessages,
  upToLastQuestion,
} from './conversation.ts';
import type { ExpertPanel } from './experts/panel.ts';
import { Announcer } from './messages/announcer.ts';
import { Composer, type ComposerState } from './messages/composer.ts';
import { Log } from './messages/log.ts';
import type { HolderState, ModelHolder } from './models/holder.ts';
import { explain, isRecoverable } from './problems.ts';
import { requestFields, type SettingsForm } from './settings.ts';
import { StatusView, showFacts } from './status.ts';

const storageKey = 'outrider.conversation';

/** What the page hands to the chat. */
export interface ChatOptions {
  readonly holder: ModelHolder;
  readonly experts: ExpertPanel;
  readonly settings: SettingsForm;
}

export class Chat {
  readonly #options: ChatOptions;
  readonly #announcer = new Announcer(byId('announcer'));
  readonly #status = new StatusView();
  readonly #composer: Composer;
  readonly #log: Log;
  #engine: Engine | undefined;
  #turns: readonly Turn[];
  /** Aborts the answer that is being written. */
  #answering: AbortController | undefined;
  /** Settles when the answer that is being written has come to its end. */
  #answered: Promise<void> = Promise.resolve();

  constructor(options: ChatOptions) {
    this.#options = options;
    this.#composer = new Composer(
      (text) => this.ask(text),
      () => this.stop(),
    );
    this.#log = new Log({
      onEdit: (index, text) => this.#restart(this.#turns.slice(0, index), text),
      onRegenerate: () => this.#restart(upToLastQuestion(this.#turns)),
    });
    options.holder.listen((state, before) => this.#onHolder(state, before));
    this.#turns = restoreTurns(readJson('sessionStorage', storageKey));
    this.#log.show(this.#turns);
    this.#showPage();
  }

  /** Nothing is loaded until a person decides. */
  awaitModel(): void {
    this.#status.showNoModel('No model is loaded yet.');
  }

  /** Asks, and streams the answer. Nothing happens while another answer is being written. */
  ask(text: string): void {
    if (!this.#engine || this.#answering) return;
    this.#log.addQuestion(this.#turns.length, text);
    this.#turns = [...this.#turns, { role: 'user', text }];
    this.#answered = this.#answer(this.#engine);
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

  /** Ends the answer that is being written, if there is one; what is there stays. */
  stop(): void {
    this.#answering?.abort();
  }

  /** Forgets the conversation and starts over. */
  async reset(): Promise<void> {
    this.stop();
    await this.#answered;
    this.#setTurns([]);
    this.#options.experts.clear();
    this.#composer.focus();
  }

  /** Goes back to `turns` and asks `text` there; without it, the last question again. */
  async #restart(turns: readonly Turn[], text?: string): Promise<void> {
    if (!this.#engine) return;
    this.stop();
    await this.#answered;
    if (this.#answering) return; // asked twice: the first one got here before
    this.#setTurns(turns);
    this.#composer.focus();
    if (text !== undefined) this.ask(text);
    else this.#answered = this.#answer(this.#engine);
  }

  async #answer(engine: Engine): Promise<void> {
    const abort = new AbortController();
    this.#answering = abort;
    this.#setState('answering');
    this.#showPage();
    const view = this.#log.addAnswer();
    this.#log.follow();
    const question = this.#turns;
    const keep = (outcome: Outcome, stats?: AnswerStats) => {
      const turn = { role: 'assistant', text: view.text, outcome } as const;
      this.#turns = [...question, stats ? { ...turn, stats } : turn];
      this.#save();
    };
    keep('stopped'); // what a reload in the middle of the answer would find
    let outcome: Outcome = 'complete';
    let stats: AnswerStats | undefined;
    let failure: unknown;
    try {
      ({ outcome, stats } = await this.#stream(engine, abort.signal, (text) => {
        view.append(text);
        this.#announcer.push(text);
      }));
    } catch (error) {
      outcome = abort.signal.aborted ? 'stopped' : 'failed';
      if (outcome === 'failed') failure = error;
    }
    this.#answering = undefined;
    view.finish(outcome, stats, () => void this.#restart(upToLastQuestion(this.#turns)));
    keep(outcome, stats);
    this.#announcer.flush();
    this.#options.experts.settle();
    if (this.#engine !== engine) return; // another model has taken its place
    this.#status.showIdle(engine.model);
    this.#setState('ready');
    if (failure === undefined) return;
    if (isRecoverable(failure)) this.#log.addNotice(explain(failure, engine.model.id));
    else this.#options.holder.fail(failure);
  }

  async #stream(engine: Engine, signal: AbortSignal, onText: (text: string) => void) {
    const settings = this.#options.settings.read();
    const stream = await engine.chat.completions.create(
      {
        messages: toMessages(
          this.#turns.filter((turn) => turn.text !== ''),
          settings.systemPrompt,
        ),
        stream: true,
        stream_options: { include_usage: true },
        ...requestFields(settings),
      },
      { signal },
    );
    let outcome: Outcome = 'complete';
    let stats: AnswerStats | undefined;
    let numChunks = 0;
    const start = performance.now();
    let first = start;
    for await (const chunk of stream) {
      const [choice] = chunk.choices;
      if (choice?.delta.content) {
        onText(choice.delta.content);
        if (numChunks++ === 0) first = performance.now();
        else this.#showRate(numChunks, performance.now() - first);
      }
      if (choice?.finish_reason === 'length') outcome = 'length';
      if (chunk.usage) {
        stats = {
          promptTokens: chunk.usage.prompt_tokens,
          cachedTokens: chunk.usage.prompt_tokens_details.cached_tokens,
          completionTokens: chunk.usage.completion_tokens,
          tokensPerSecond: chunk.usage.extra.decode_tokens_per_s,
          secondsToFirstToken: chunk.usage.extra.time_to_first_token_s,
        };
      }
    }
    return { outcome, stats };
  }

  #showRate(numTokens: number, ms: number): void {
    this.#status.show(`${formatCount(numTokens, 'token')}, ${formatRate(((numTokens - 1) * 1000) / ms)} per second`);
  }

  #onEvent(event: EngineEvent): void {
    if (event.type === 'routing') this.#options.experts.add(event);
    else if (event.type === 'prefill') this.#status.showReading(event.processed / event.total);
    else if (event.type === 'downgrade') this.#status.addNotice(event.message);
    else if (event.type === 'device_lost' && !this.#answering) {
      this.#options.holder.fail(event.error); // else the answer's own rejection tells
    }
  }

  /** The engine came, went, or failed. The conversation stays, whatever happens. */
  #onHolder(state: HolderState, before: HolderState): void {
    if (state.kind === 'loading' && state.progress) this.#status.showProgress(state.progress);
    if (state.kind === before.kind) return;
    if (state.kind !== 'ready') {
      this.stop();
      this.#engine = undefined;
      this.#setState('waiting');
    }
    byId('load-pause').hidden = state.kind !== 'loading' || state.order.entry.kind !== 'remote';
    byId('load-resume').hidden = state.kind !== 'paused';
    showProblem(state.kind === 'failed' ? explain(state.error, state.order.entry.label) : undefined);
    if (state.kind === 'ready') this.#useEngine(state);
    else if (state.kind === 'failed') this.#showFailure(state.error, state.order.entry.label);
    else if (state.kind === 'paused') this.#status.showNoModel('Paused. What was downloaded stays on this machine.');
    else if (state.kind === 'loading') this.#status.showNoModel('Starting…');
    this.#showPage();
  }

  #useEngine({ engine, order }: Extract<HolderState, { kind: 'ready' }>): void {
    const { experts, settings } = this.#options;
    this.#engine = engine;
    engine.on('event', (event) => this.#onEvent(event));
    experts.setModel(
      engine.model.layers
        .filter((layer) => layer.feedForward === 'moe')
        .map(({ index, attention, rope }) => ({ layer: index, attention, rope })),
      engine.model.numLocalExperts,
    );
    this.#status.showModel(engine.model);
    this.#status.showIdle(engine.model);
    showFacts(order.entry, engine.model);
    settings.showDefaults(engine.model.defaults);
    this.#announcer.say('The model is ready.');
    this.#setState('ready');
  }

  #setState(state: ComposerState): void {
    this.#composer.state = state;
    byId('log').dataset.state = state;
  }

  #showFailure(error: unknown, label: string): void {
    const { title } = explain(error, label);
    this.#status.showNoModel(title);
    this.#status.show(title);
    this.#announcer.say(title);
  }

  #setTurns(turns: readonly Turn[]): void {
    this.#turns = turns;
    this.#log.show(turns);
    this.#save();
    this.#showPage();
  }

  #save(): void {
    writeJson('sessionStorage', storageKey, this.#turns.length > 0 ? this.#turns : undefined);
  }

  /** The empty page, the conversation, and on top of either a problem: a conversation stays in sight below it. */
  #showPage(): void {
    const empty = this.#turns.length === 0;
    byId('log').hidden = empty;
    byId('welcome').hidden = !empty || !byId('problem').hidden;
  }
}
