/** What the called tools have returned, as a person told it, and the form in its place while it is changed. */
import { create } from '../../shared/dom.ts';
import type { CallMade } from '../conversations/answer.ts';
import type { ToolResults } from '../conversations/tree.ts';
import { createAskButton } from './ask-button.ts';
import { loadCallViews } from './call-views.ts';
import { createForkSwitch } from './fork.ts';
import { editInPlace, isEdited } from './in-place.ts';
import type { MessageActions, MessageView, Shown } from './view.ts';

export class ResultsView implements MessageView<ToolResults> {
  readonly element = create('article', { className: 'results', ariaLabel: 'Results of the calls' });
  readonly #list = create('dl', { className: 'results-list', dir: 'ltr' });
  readonly #actions: MessageActions;
  readonly #message: ToolResults;
  #calls: readonly CallMade[] = [];

  /** `onShow` is called when the results are there: to keep the end in view. */
  constructor(message: ToolResults, actions: MessageActions, onShow: () => void) {
    this.#message = message;
    this.#actions = actions;
    this.element.hidden = true; // until it has its styles
    void loadCallViews().finally(() => {
      this.element.hidden = false;
      onShow();
    });
    this.element.append(
      this.#list,
      create(
        'div',
        { className: 'actions' },
        createAskButton('Edit', () => void this.#edit()),
      ),
    );
  }

  update({ fork, calls }: Shown<ToolResults>): void {
    this.#calls = calls;
    this.#list.replaceChildren(
      ...this.#message.results.flatMap((result, at) => [
        create('dt', {}, `Result of ${calls[at]?.name ?? 'an unknown call'}`),
        create('dd', { dir: 'auto' }, result),
      ]),
    );
    this.element.querySelector('.fork')?.remove();
    if (fork && !isEdited(this.element)) {
      this.element.append(createForkSwitch(fork, 'results', (id, direction) => this.#actions.onChoose(id, direction)));
    }
  }

  async #edit(): Promise<void> {
    const { parent, results } = this.#message;
    const { createResultForm } = await loadCallViews();
    if (parent === null || isEdited(this.element)) return;
    editInPlace(this.element, ({ close, cancel }) => {
      const send = (changed: readonly string[]) => {
        close();
        this.#actions.onResults(parent, changed);
      };
      return [createResultForm(this.#calls, results, send, cancel)];
    });
    this.element.querySelector('textarea')?.focus();
  }
}
