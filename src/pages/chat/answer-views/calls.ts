/** The calls of an answer as cards, and the form in which a person gives their results. Nothing runs by itself. */
import { create, createCopyButton } from '../../shared/dom.ts';
import type { CallMade } from '../conversations/answer.ts';
import { createAskButton } from '../messages/ask-button.ts';
import { setUpEntry } from '../messages/composer.ts';
import { highlight } from './colouring.ts';

/** One card per call. */
export function createCallCards(calls: readonly CallMade[]): HTMLElement[] {
  return calls.map((call) => {
    const text = prettyJson(call.arguments);
    const code = create('code', {}, text);
    const box = create('pre', { tabIndex: 0, role: 'group', ariaLabel: `Arguments of ${call.name}` }, code);
    highlight(text, 'json')?.then(
      (node) => node && code.replaceChildren(node),
      () => {}, // colours that could not be fetched leave the text as it is
    );
    const head = create(
      'header',
      { className: 'call-head' },
      create('span', { className: 'call-label' }, 'Call'),
      create('code', { className: 'call-name' }, call.name),
      createCopyButton(() => text),
    );
    return create('section', { className: 'call', ariaLabel: `Call of ${call.name}`, dir: 'ltr' }, head, box);
  });
}

/**
 * A field per call, and a button that is pressed when all are filled. Enter goes on to the next empty field, and sends
 * from the last.
 * @param results what the fields hold at first, by call
 * @param onSend the results in the order of the calls, none of them empty
 * @param onCancel offers a way back, for results that are there already
 */
export function createResultForm(
  calls: readonly CallMade[],
  results: readonly string[],
  onSend: (results: readonly string[]) => void,
  onCancel?: () => void,
): HTMLElement {
  const fields = calls.map(({ name }, at) =>
    create('textarea', {
      rows: 1,
      dir: 'auto',
      value: results[at] ?? '',
      placeholder: 'Type or paste what it returned',
      ariaLabel: `Result of ${name}`,
    }),
  );
  const send = () => {
    const empty = fields.find(({ value }) => value.trim() === '');
    if (empty) empty.focus();
    else onSend(fields.map(({ value }) => value.trim()));
  };
  const button = createAskButton(calls.length > 1 ? 'Send results' : 'Send result', send);
  const cancel = onCancel && createCancel(onCancel);
  const rows = fields.map((field, at) =>
    create(
      'label',
      { className: 'result-field' },
      create('span', {}, `Result of ${calls[at]!.name}`),
      create('span', { className: 'grow' }, field),
    ),
  );
  for (const field of fields) setUpEntry(field, { onEnter: send, ...(onCancel && { onEscape: onCancel }) });
  return create(
    'div',
    { className: 'results-form', role: 'group', ariaLabel: 'Results of the calls' },
    ...rows,
    create('div', { className: 'actions' }, ...(cancel ? [cancel] : []), button),
  );
}

function createCancel(onCancel: () => void): HTMLButtonElement {
  const button = create('button', { type: 'button', className: 'quiet' }, 'Cancel');
  button.addEventListener('click', onCancel);
  return button;
}

/** Indented; as it is where it is no JSON. */
export function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
