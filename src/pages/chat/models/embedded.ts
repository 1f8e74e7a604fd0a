/** The model that comes with the page. Pure. */
import type { Home, ModelEntry } from './address.ts';

/** As `parseAddress` reads its address, which most visits need for no other. */
export function embeddedModel({ embedded }: Home): ModelEntry {
  const label = new URL(embedded).pathname;
  return { key: embedded, source: embedded, name: label.slice(label.lastIndexOf('/') + 1), label, kind: 'embedded' };
}
