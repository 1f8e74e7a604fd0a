/** How a run goes on: the button, the bar, and one line of words. */
import { byId } from '../../shared/dom.ts';

/** What each phase is called when it begins; between, only the words on the page change. */
const PHASES: Readonly<Record<string, string>> = {
  start: 'Opening the GPU',
  roofline: 'Measuring the roofs',
  kernels: 'Measuring kernels',
  load: 'Loading the model',
  prefill: 'Reading prompts',
  decode: 'Writing tokens',
  step: 'Taking one step apart',
  'true-size': 'Layers of Scout’s own size',
  curves: 'Measuring cost curves',
  answer: 'Answering in the page',
};

export class RunView {
  readonly #bar = byId<HTMLProgressElement>('run-bar');
  readonly #text = byId('run-text');
  #phase = '';

  begin(): void {
    this.#toggle(true);
    this.#phase = '';
    this.#bar.value = 0;
    this.#text.textContent = 'Starting…';
    byId('stop').focus();
  }

  /** @param done 0 .. 1 of the whole run */
  show({ phase, text }: { readonly phase: string; readonly text: string }, done: number): void {
    const name = PHASES[phase] ?? phase;
    this.#bar.value = Math.max(this.#bar.value, done); // a guess that was too high does not go back
    this.#text.textContent = `${Math.round(100 * this.#bar.value)} % · ${name}: ${text}`;
    if (phase !== this.#phase) byId('announcer').textContent = `${name}.`; // every case would be too much to listen to
    this.#phase = phase;
  }

  end(text: string): void {
    const hadFocus = document.activeElement === byId('stop');
    this.#toggle(false);
    this.#bar.value = 0;
    this.#text.textContent = text;
    byId('announcer').textContent = text;
    if (hadFocus) byId('start').focus();
  }

  #toggle(running: boolean): void {
    byId('start').hidden = running;
    byId('stop').hidden = !running;
    byId<HTMLSelectElement>('model').disabled = running;
    byId<HTMLSelectElement>('extent').disabled = running;
  }
}
