/** What stands below the messages: progress, the field, Send and Stop; and what stands for an answer that did not come. */
import { html, nothing, type TemplateResult } from 'lit';
import type { LoadProgress } from '../index.ts';
import type { ChatState } from './conversation.ts';
import { downIcon, sendIcon, stopIcon } from './icons.ts';
import type { ChatStrings } from './strings.ts';
import { quietButton } from './transcript.ts';

export interface DockOptions {
  readonly strings: ChatStrings;
  readonly placeholder: string;
  readonly state: ChatState;
  readonly isBusy: boolean;
  readonly isDisabled: boolean;
  readonly progress: LoadProgress | undefined;
  /** Whether there is anything that a new conversation would forget. */
  readonly hasMessages: boolean;
  /** Whether the end of the messages is out of sight. */
  readonly isAway: boolean;
  readonly draft: string;
  readonly onInput: (text: string) => void;
  readonly onKey: (event: KeyboardEvent) => void;
  readonly onSend: () => void;
  readonly onStop: () => void;
  readonly onReset: () => void;
  readonly onLatest: () => void;
}

export function dock(options: DockOptions): TemplateResult {
  const { strings, isAway, onLatest } = options;
  const latest = html`<button class="latest" type="button" part="button latest" @click=${onLatest}>
    ${downIcon}${strings.latest}
  </button>`;
  return html`<div class="dock" part="dock">${isAway ? latest : nothing} ${composer(options)} ${status(options)}</div>`;
}

function composer(options: DockOptions): TemplateResult {
  const { strings, placeholder, isBusy, isDisabled, draft, onInput, onKey, onSend, onStop } = options;
  const submit = (event: Event) => {
    event.preventDefault();
    onSend();
  };
  const input = (event: Event) => onInput((event.target as HTMLTextAreaElement).value);
  return html`<form class="composer" part="composer" @submit=${submit}>
    <div class="grow" data-value=${draft}>
      <textarea
        part="input"
        rows="1"
        dir="auto"
        autocomplete="off"
        enterkeyhint="send"
        aria-label=${strings.message}
        placeholder=${placeholder || strings.placeholder}
        ?disabled=${isDisabled}
        .value=${draft}
        @input=${input}
        @keydown=${onKey}
      ></textarea>
    </div>
    ${
      isBusy
        ? html`<button class="send stop" type="button" part="button stop" aria-label=${strings.stop} title=${strings.stop}
            @click=${onStop}>${stopIcon}</button>`
        : html`<button class="send" type="submit" part="button send" aria-label=${strings.send} title=${strings.send}
            ?disabled=${isDisabled || draft.trim() === ''}>${sendIcon}</button>`
    }
  </form>`;
}

function status(options: DockOptions): TemplateResult | typeof nothing {
  const { strings, state, progress, hasMessages, isDisabled, onStop, onReset } = options;
  if (state === 'loading') {
    const text = strings.loading(progress);
    return html`<div class="status" part="status">
      <progress part="progress" max="1" .value=${progress?.progress ?? 0} aria-label=${text}></progress>
      <span class="note">${text}</span> ${quietButton(strings.cancel, onStop)}
    </div>`;
  }
  if (!hasMessages) return nothing;
  return html`<div class="status" part="status">
    <span class="note">${state === 'answering' ? strings.answering : ''}</span>
    ${isDisabled ? nothing : quietButton(strings.newConversation, onReset)}
  </div>`;
}

/** @param onRetry undefined where trying again would not help */
export function problem(error: unknown, strings: ChatStrings, onRetry: (() => void) | undefined): TemplateResult {
  const { title, advice, retry, details } = strings.problem(error);
  const more = html`<details>
    <summary>${strings.details}</summary>
    <pre dir="auto">${details}</pre>
  </details>`;
  return html`<div class="problem" part="problem" role="alert">
    <p class="title">${title}</p>
    <p>${advice}</p>
    ${onRetry ? html`<button class="primary" type="button" part="button retry" @click=${onRetry}>${retry}</button>` : nothing}
    ${details === '' ? nothing : more}
  </div>`;
}
