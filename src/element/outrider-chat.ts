/** `<outrider-chat>`: a conversation with a model that runs on this machine, or with any engine that speaks OpenAI's API. */
import { html, LitElement, nothing, type PropertyValues, unsafeCSS } from 'lit';
import type { EngineOptions, FallbackOptions } from '../index.ts';
import { Announcer } from './announcer.ts';
import { AnswerView } from './answer-view.ts';
import { handleEntryKey, keepAboveKeyboard } from './composer.ts';
import {
  type ChatState,
  Conversation,
  type ConversationHost,
  type ElementMessage,
  type Lease,
  saysSomething,
  type ToolRunner,
} from './conversation.ts';
import { dock, problem } from './dock.ts';
import { type EngineChoice, leaseEngine } from './engines.ts';
import { tell } from './events.ts';
import { toJson, toMarkdown } from './exports.ts';
import { EndFollower } from './follow.ts';
import { isInLandmark } from './landmark.ts';
import prose from './markdown/prose.css?inline';
import type { Highlighter } from './markdown/view.ts';
import styles from './outrider-chat.css?inline';
import { type Sampling, samplingFields } from './request-fields.ts';
import type { OpenAILike } from './stream.ts';
import { type ChatStrings, englishStrings } from './strings.ts';
import { transcript } from './transcript.ts';

/** Properties that say which engine is asked. */
const choosing = ['engine', 'model', 'engineOptions', 'fallback'] as const;

/** A function that the model may call, in OpenAI's shape. */
export interface ElementTool {
  readonly type: 'function';
  readonly function: { readonly name: string; readonly description?: string; readonly parameters?: object };
}

/**
 * A chat. Costs nothing until the first message is sent, or `preload` is set; elements with the same model, `fallback` and
 * `engineOptions` share one engine, which is unloaded after the last of them has left the page.
 *
 * @example
 * <script type="module" src="https://your.site/outrider-chat.js"></script>
 * <outrider-chat model="/models/llama-scoutling" system-prompt="You are brief."></outrider-chat>
 *
 * @slot header - above the messages
 * @slot empty - in place of the messages while there are none
 * @slot footer - below the field
 * @csspart chat - the whole
 * @csspart log - the box of messages, which scrolls
 * @csspart message - one message; also `user-message` or `assistant-message`
 * @csspart question - a question's text
 * @csspart answer - an answer's text
 * @csspart answer-foot - below an answer
 * @csspart answer-note - how it ended
 * @csspart tool-call - a call of a tool
 * @csspart tool-result - what a tool returned
 * @csspart problem - a failure and what to do about it
 * @csspart empty - what is shown while there are no messages
 * @csspart dock - everything below the messages
 * @csspart composer - around the field
 * @csspart input - the field
 * @csspart button - any button; also `send`, `stop`, `retry` or `latest`
 * @csspart status - the line below the field
 * @csspart progress - the bar while loading
 * @cssprop --outrider-paper - background
 * @cssprop --outrider-raised - background of questions, code and the field
 * @cssprop --outrider-line - borders
 * @cssprop --outrider-ink - text
 * @cssprop --outrider-soft - text of second rank
 * @cssprop --outrider-accent - buttons, links, the caret
 * @cssprop --outrider-on-accent - on a button of that colour
 * @cssprop --outrider-warn-paper - background of a problem
 * @cssprop --outrider-font - font family
 * @cssprop --outrider-answer-font - font family of answers
 * @cssprop --outrider-code-font - font family of code
 * @cssprop --outrider-radius - of the frame's corners
 * @fires outrider-ready - the model is loaded
 * @fires outrider-progress - while it loads
 * @fires outrider-message - a message is complete
 * @fires outrider-error - loading or answering failed
 * @fires outrider-state - `state` has changed
 */
export class OutriderChat extends LitElement {
  static override styles = [unsafeCSS(styles), unsafeCSS(prose)];

  static override properties = {
    model: {},
    systemPrompt: { attribute: 'system-prompt' },
    temperature: { type: Number },
    topP: { attribute: 'top-p', type: Number },
    maxTokens: { attribute: 'max-tokens', type: Number },
    seed: { type: Number },
    placeholder: {},
    theme: { reflect: true },
    preload: { type: Boolean, reflect: true },
    disabled: { type: Boolean, reflect: true },
    sampling: { attribute: false },
    engine: { attribute: false },
    engineOptions: { attribute: false },
    fallback: { attribute: false },
    tools: { attribute: false },
    runTool: { attribute: false },
    highlight: { attribute: false },
    strings: { attribute: false },
  };

  /** A folder in the Hugging Face layout: its URL, or `hf:owner/name[@revision]`. With `engine`: the `model` of its requests. */
  declare model: string | undefined;
  /** Instructions that stand before the conversation. */
  declare systemPrompt: string | undefined;
  /** 0..2; as all sampling: default the model's own. */
  declare temperature: number | undefined;
  /** 0..1. */
  declare topP: number | undefined;
  /** Tokens of an answer, >= 1. */
  declare maxTokens: number | undefined;
  /** A safe integer: the same seed gives the same text. */
  declare seed: number | undefined;
  /** In the empty field; default that of `strings`. */
  declare placeholder: string | undefined;
  /** `auto`: what the system says. */
  declare theme: 'auto' | 'light' | 'dark' | undefined;
  /** Load at once instead of with the first message. */
  declare preload: boolean;
  /** Nothing can be asked by hand. */
  declare disabled: boolean;
  /** Further fields of every request, in OpenAI's names; they override attributes. */
  declare sampling: Sampling | undefined;
  /** An engine of the app's own, or a client of any server, such as one of the package `openai`. The element never unloads it. */
  declare engine: OpenAILike | undefined;
  /** Options of `createEngine`, such as `contextLength` and `token`. */
  declare engineOptions: EngineOptions | undefined;
  /** Where to compute what this machine cannot: `{ baseURL, apiKey, model, when }`. Never an attribute: keys do not belong into markup. */
  declare fallback: FallbackOptions | undefined;
  /** What the model may call. */
  declare tools: readonly ElementTool[] | undefined;
  /** Runs a called tool; without it calls are shown, and it is for the app to answer them through `messages`. */
  declare runTool: ToolRunner | undefined;
  /** Colours for code; default none. */
  declare highlight: Highlighter | undefined;
  /** Texts in place of the English ones, any number of them. */
  declare strings: Partial<ChatStrings> | undefined;

  readonly #conversation = new Conversation(this.#host());
  readonly #answers = new Map<number, AnswerView>();
  readonly #follower = new EndFollower(() => this.requestUpdate());
  #announcer: Announcer | undefined;
  /** What the conversation's engine was chosen by. */
  #choice: EngineChoice | undefined;
  #draft = '';
  #lastState: ChatState = 'idle';
  #leaveKeyboard: (() => void) | undefined;

  constructor() {
    super();
    this.preload = false;
    this.disabled = false;
  }

  /** `idle`, `loading`, `ready`, `answering` or `failed`. */
  get state(): ChatState {
    return this.#conversation.state;
  }

  /** The conversation in OpenAI's shapes. Setting it stops what is being answered and replaces everything. */
  get messages(): readonly ElementMessage[] {
    return this.#conversation.entries.map(({ message }) => message).filter(saysSomething);
  }

  set messages(messages: readonly ElementMessage[]) {
    this.#conversation.set(messages);
  }

  /**
   * Sends a message as if it had been typed.
   * @returns the answer's text, as far as it came where it was stopped
   * @throws OutriderError `invalid_request` while another answer is being written; else what loading or answering throws
   */
  ask(text: string): Promise<string> {
    this.#dropOther();
    this.#follower.follow();
    return this.#conversation.ask(text);
  }

  /** Answers the last message again, or loads again what did not load. @throws as `ask` */
  retry(): Promise<string> {
    this.#dropOther();
    return this.#conversation.retry();
  }

  /** Loads the model before it is needed. @throws as `createEngine` */
  load(): Promise<void> {
    this.#dropOther();
    return this.#conversation.load();
  }

  /** Stops what loads and what answers. What is there stays. */
  stop(): void {
    this.#conversation.stop();
  }

  /** Forgets the conversation. */
  reset(): void {
    this.#conversation.set([]);
  }

  /** What was said, for a file: JSON that `messages` takes back, or Markdown. */
  exportMessages(format: 'json' | 'markdown' = 'json'): string {
    return format === 'json' ? toJson(this.messages) : toMarkdown(this.messages, this.#strings);
  }

  /** Focuses the field. */
  override focus(options?: FocusOptions): void {
    this.#field?.focus(options);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.#connect();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#follower.disconnect();
    this.#leaveKeyboard?.();
    queueMicrotask(() => {
      if (!this.isConnected) this.#conversation.release(); // else it was only moved
    });
  }

  protected override firstUpdated(): void {
    this.#announcer = new Announcer(this.renderRoot.querySelector<HTMLElement>('.announcer')!);
    this.#connect();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('strings') || changed.has('highlight')) this.#answers.clear();
    if (!this.hasUpdated) return;
    this.#dropOther();
    if (this.preload && [...choosing, 'preload' as const].some((name) => changed.has(name))) this.#preload();
  }

  protected override updated(): void {
    this.#follower.keep();
    const { state } = this;
    if (state === this.#lastState) return;
    this.#lastState = state;
    tell(this, 'outrider-state', { state });
  }

  protected override render(): unknown {
    const strings = this.#strings;
    const { entries, failure, isBusy } = this.#conversation;
    const retry = this.disabled ? undefined : () => this.#refocus(() => this.retry());
    const messages = transcript({
      entries,
      strings,
      isBusy: isBusy || this.disabled || failure !== undefined,
      answerView: (key) => this.#answerView(key),
      onRetry: () => this.#refocus(() => this.retry()),
    });
    const isEmpty = entries.length === 0 && failure === undefined;
    return html`<div class="chat" part="chat" role=${isInLandmark(this) ? 'group' : 'region'} aria-label=${strings.label}>
      <slot name="header"></slot>
      <div class="log" part="log" role="log" aria-live="off" aria-label=${strings.conversation} tabindex="0">
        <div class="column">
          ${isEmpty ? this.#empty() : messages} ${failure === undefined ? nothing : problem(failure, strings, retry)}
        </div>
      </div>
      ${this.#dock(strings, entries.length > 0)}
      <slot name="footer"></slot>
      <div class="announcer visually-hidden" aria-live="polite"></div>
    </div>`;
  }

  /** Lets go of an engine that was chosen by what the properties no longer say. They change at once, updates come later. */
  #dropOther(): void {
    const choice = this.#choice;
    if (!choice || choosing.every((name) => choice[name] === this[name])) return;
    this.#choice = undefined;
    this.#conversation.release('once');
  }

  get #strings(): ChatStrings {
    return { ...englishStrings, ...this.strings };
  }

  get #field(): HTMLTextAreaElement | null {
    return this.renderRoot?.querySelector('textarea') ?? null;
  }

  #empty() {
    const { emptyTitle, emptyText } = this.#strings;
    return html`<div class="empty" part="empty">
      <slot name="empty"
        ><p class="title">${emptyTitle}</p>
        ${this.state === 'idle' && !this.engine ? html`<p>${emptyText}</p>` : nothing}</slot
      >
    </div>`;
  }

  #dock(strings: ChatStrings, hasMessages: boolean) {
    const { state, isBusy, progress } = this.#conversation;
    return dock({
      strings,
      placeholder: this.placeholder ?? '',
      state,
      isBusy,
      isDisabled: this.disabled,
      progress,
      hasMessages,
      isAway: !this.#follower.follows,
      draft: this.#draft,
      onInput: (text) => this.#setDraft(text),
      onKey: (event) => handleEntryKey(event, { onEnter: () => this.#send(), onEscape: () => this.stop() }),
      onSend: () => this.#send(),
      onStop: () => this.#refocus(() => this.stop()),
      onReset: () => this.#refocus(() => this.reset()),
      onLatest: () => this.#refocus(() => this.#follower.follow()),
    });
  }

  #send(): void {
    const text = this.#draft.trim();
    if (text === '' || this.disabled || this.#conversation.isBusy) return; // the text stays until it can be sent
    this.#setDraft('');
    this.#refocus(() => this.ask(text));
  }

  #setDraft(text: string): void {
    this.#draft = text;
    this.requestUpdate();
  }

  /** Buttons take each other's places; the focus must not fall to the page's top with the one that goes. */
  #refocus(act: () => unknown): void {
    Promise.resolve(act()).catch(() => {}); // shown, and told as an event
    this.#field?.focus({ preventScroll: true });
  }

  #connect(): void {
    this.#follower.observe(this.renderRoot.querySelector<HTMLElement>('.log')!);
    this.#leaveKeyboard = keepAboveKeyboard(this.#field!);
    if (this.preload) this.#preload();
  }

  #preload(): void {
    this.load().catch(() => {}); // shown, and told as an event
  }

  #answerView(key: number): AnswerView {
    const known = this.#answers.get(key);
    if (known) return known;
    const view = new AnswerView(this.#strings, this.highlight, () => this.#follower.keep());
    this.#answers.set(key, view);
    return view;
  }

  #host(): ConversationHost {
    return {
      lease: (onProgress): Lease => {
        const { engine, model, engineOptions, fallback } = this;
        this.#choice = { engine, model, engineOptions, fallback };
        return leaseEngine(this.#choice, onProgress);
      },
      request: () => this.#request(),
      toolRunner: () => this.runTool,
      systemPrompt: () => this.systemPrompt ?? '',
      onChange: () => this.#onChange(),
      onProgress: (progress) => tell(this, 'outrider-progress', progress),
      onReady: () => {
        this.#announcer?.say(this.#strings.ready);
        tell(this, 'outrider-ready', { model: this.model ?? '' });
      },
      onPiece: (text) => this.#announcer?.push(text),
      onMessage: ({ message, outcome }) => {
        if (message.role === 'assistant') this.#announcer?.flush();
        tell(this, 'outrider-message', { message, outcome });
      },
      onFailure: (error) => tell(this, 'outrider-error', { error }),
    };
  }

  #onChange(): void {
    const keys = new Set(this.#conversation.entries.map(({ key }) => key));
    for (const key of this.#answers.keys()) if (!keys.has(key)) this.#answers.delete(key);
    this.requestUpdate();
  }

  #request(): Record<string, unknown> {
    const { temperature, topP, maxTokens, seed, tools, engine, model } = this;
    const fields = samplingFields({ temperature, topP, maxTokens, seed }, this.sampling ?? {});
    return { ...(engine && model ? { model } : {}), ...fields, ...(tools?.length ? { tools } : {}) };
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'outrider-chat': OutriderChat;
  }
}
