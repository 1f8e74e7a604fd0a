/** Facts about the model, in a popover of the header. Loaded when that is opened. */
import type { Engine } from '../../index.ts';
import { adapterName } from '../shared/adapter.ts';
import { byId, create } from '../shared/dom.ts';
import { formatBytes } from '../shared/format.ts';
import type { ModelEntry } from './models/address.ts';
import { cardOf } from './models/cards.ts';
import { licenseLine } from './models/view/license.ts';

/** Fills the popover. */
export function showFacts(
  entry: ModelEntry,
  { id, adapter, bytes, contextLength, chunk, layers, numLocalExperts }: Engine['model'],
): void {
  const moe = layers.filter((layer) => layer.feedForward === 'moe').length;
  const global = layers.filter((layer) => layer.attention === 'global').length;
  const facts: [string, string][] = [
    ['Model', id],
    ['Layers', `${layers.length}, ${moe} with ${numLocalExperts} experts`],
    [
      'Attention',
      Number.isFinite(chunk)
        ? `${global} layers see all, ${layers.length - global} chunks of ${chunk.toLocaleString('en')}`
        : 'all layers see all',
    ],
    ['Context', `${contextLength.toLocaleString('en')} tokens`],
    ['On the GPU', formatBytes(bytes.total)],
    ['Adapter', adapterName(adapter)],
    [
      'Shader features',
      [adapter.f16 && 'f16', adapter.subgroups && 'subgroups'].filter(Boolean).join(', ') || 'none optional',
    ],
  ];
  byId('about-facts').replaceChildren(
    ...facts.flatMap(([name, value]) => [create('dt', {}, name), create('dd', {}, value)]),
  );
  const card = cardOf(entry);
  byId('about-license').hidden = !card;
  byId('about-license').replaceChildren(...(card ? licenseLine(entry, card) : []));
}
