/** What the page says about the model: loading, ready on which adapter, or why not. */
import type { Engine, LoadProgress } from '../../index.ts';
import { adapterName } from '../shared/adapter.ts';
import { byId, create } from '../shared/dom.ts';
import { formatBytes, formatCount } from '../shared/format.ts';
import { describeProgress } from './models/words.ts';

/** The line under the composer and its larger twin on the empty page. */
export class StatusView {
  readonly #line = byId('status');
  readonly #text = byId('load-text');
  readonly #bars = [byId<HTMLProgressElement>('load-bar'), byId<HTMLProgressElement>('status-bar')];

  /** How much of a long conversation the model has read, 0 .. 1. */
  showReading(share: number): void {
    this.show(`Reading the conversation: ${Math.round(share * 100)} %`);
  }

  /** A phase of loading, with bytes and rate where bytes move. */
  showProgress(progress: LoadProgress): void {
    const text = describeProgress(progress);
    this.#line.textContent = text;
    this.#text.textContent = text;
    for (const bar of this.#bars) {
      bar.hidden = false;
      if (progress.total > 0) bar.value = progress.progress;
      else bar.removeAttribute('value');
    }
  }

  /** Ready: what was loaded, where it runs, and in the header what kind of adapter that is. */
  showModel({ where, model }: Engine): void {
    const { adapter, contextLength, layers, numLocalExperts } = model;
    const experts = numLocalExperts > 0 ? ` with ${numLocalExperts} experts` : '';
    this.#text.textContent =
      where === 'remote'
        ? 'Ready: a server answers.'
        : `Ready: ${layers.length} layers${experts}, room for ${formatCount(contextLength, 'token')}.`;
    byId('lead-here').hidden = where === 'remote';
    byId('lead-remote').hidden = where !== 'remote';
    byId('model').hidden = false;
    byId('about-notices').replaceChildren(); // those were of the model before
    byId('about-icon').toggleAttribute('hidden', adapter.software);
    byId('adapter-badge').hidden = !adapter.software;
    byId('about-software').hidden = !adapter.software;
  }

  /** Nothing is going on: what is loaded, and where. */
  showIdle({ where, model: { adapter, bytes } }: Engine): void {
    this.show(where === 'remote' ? 'On a server' : `${formatBytes(bytes.total)} on ${adapterName(adapter)}`);
  }

  /** One line about what is going on. */
  show(text: string): void {
    this.#hideBars();
    this.#line.textContent = text;
  }

  /** No model is there, and none is on its way. */
  showNoModel(text: string): void {
    byId('model').hidden = true;
    this.#text.textContent = text;
    this.show('');
  }

  /** A downgrade that the engine made, kept with the other facts about the model. */
  addNotice(text: string): void {
    byId('about-notices').append(create('li', {}, text));
  }

  #hideBars(): void {
    for (const bar of this.#bars) bar.hidden = true;
  }
}
