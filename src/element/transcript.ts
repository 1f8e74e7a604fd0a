/** The messages as a template: questions, answers with their tool calls, and what tools returned. */
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { AnswerView } from './answer-view.ts';
import { type Entry, type Outcome, saysSomething } from './conversation.ts';
import type { ShownToolCall } from './stream.ts';
import type { ChatStrings } from './strings.ts';

export interface TranscriptOptions {
  readonly entries: readonly Entry[];
  readonly strings: ChatStrings;
  /** Nothing can be asked now. */
  readonly isBusy: boolean;
  /** The same view for the same key. */
  readonly answerView: (key: number) => AnswerView;
  readonly onRetry: () => void;
}

export function transcript(options: TranscriptOptions): unknown {
  const last = options.entries.at(-1);
  return repeat(
    options.entries,
    ({ key }) => key,
    (entry) => message(entry, entry === last, options),
  );
}

function message(entry: Entry, isLast: boolean, options: TranscriptOptions): TemplateResult | typeof nothing {
  const { role, content } = entry.message;
  if (role === 'assistant') return answer(entry, isLast, options);
  if (role === 'user') return question(content, isLast, options);
  if (role === 'tool') return toolResult(entry, options);
  return nothing; // instructions are for the model
}

function question(text: string, isLast: boolean, { strings, isBusy, onRetry }: TranscriptOptions): TemplateResult {
  const isUnanswered = isLast && !isBusy;
  return html`<article class="question" part="message user-message" aria-label=${strings.you}>
    <p class="said" part="question" dir="auto">${text}</p>
    ${isUnanswered ? quietButton(strings.retry, onRetry) : nothing}
  </article>`;
}

function answer(entry: Entry, isLast: boolean, options: TranscriptOptions): TemplateResult | typeof nothing {
  const { strings, isBusy, answerView, onRetry } = options;
  const { outcome, message } = entry;
  if (outcome === 'failed' && !saysSomething(message)) return nothing; // the problem below says it all
  const text = message.content ?? '';
  const isWriting = outcome === 'writing';
  const view = answerView(entry.key);
  view.show(text, !isWriting);
  const calls = message.role === 'assistant' ? (message.tool_calls ?? []) : [];
  const notes = notesOf(entry, strings);
  const foot = html`<div class="foot" part="answer-foot">
    <div class="actions">
      ${!isWriting && text !== '' ? view.copyButton : nothing}
      ${isLast && !isBusy ? quietButton(strings.regenerate, onRetry) : nothing}
    </div>
    ${notes.map((note) => html`<p class="note" part="answer-note">${note}</p>`)}
  </div>`;
  return html`<article
    class="answer"
    part="message assistant-message"
    aria-label=${strings.assistant}
    aria-busy=${isWriting}
  >
    ${abandonedPart(entry, strings)} ${text === '' && calls.length > 0 ? nothing : view.element} ${calls.map((call) => toolCall(call, strings))}
    ${isWriting || text !== '' || isLast ? foot : nothing}
  </article>`;
}

/** How an answer ended, and where it was computed if not here. */
function notesOf({ outcome, computedAt }: Entry, strings: ChatStrings): string[] {
  const ends: Partial<Record<Outcome, string>> = {
    length: strings.cutOff,
    stopped: strings.stopped,
    failed: strings.interrupted,
  };
  return [ends[outcome], computedAt && strings.computedAt(computedAt)].filter((note) => note !== undefined);
}

function abandonedPart({ abandoned }: Entry, strings: ChatStrings): TemplateResult | typeof nothing {
  if (abandoned === undefined) return nothing;
  return html`<details class="call" part="abandoned">
    <summary>${strings.abandoned}</summary>
    <pre dir="auto">${abandoned}</pre>
  </details>`;
}

function toolCall({ function: { name, arguments: text } }: ShownToolCall, strings: ChatStrings): TemplateResult {
  return html`<details class="call" part="tool-call" open>
    <summary>${strings.toolCall(name)}</summary>
    <pre dir="ltr">${indented(text)}</pre>
  </details>`;
}

function toolResult({ message }: Entry, { entries, strings }: TranscriptOptions): TemplateResult {
  const id = message.role === 'tool' ? message.tool_call_id : '';
  const calls = entries.flatMap(({ message }) => (message.role === 'assistant' ? (message.tool_calls ?? []) : []));
  const name = calls.find((call) => call.id === id)?.function.name ?? id;
  return html`<details class="call" part="tool-result">
    <summary>${strings.toolResult(name)}</summary>
    <pre dir="auto">${message.content}</pre>
  </details>`;
}

/** JSON with line breaks; what is not JSON, or not yet, as it is. */
function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

export function quietButton(label: string, onClick: () => void): TemplateResult {
  return html`<button class="quiet" type="button" part="button" @click=${onClick}>${label}</button>`;
}
