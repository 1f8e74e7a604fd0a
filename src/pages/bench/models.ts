/** Which model to measure: the one that comes with the page, one of the browser's storage, or none. */
import { listModels } from '../../index.ts';
import { byId, create } from '../shared/dom.ts';
import { formatBytes } from '../shared/format.ts';

const EMBEDDED = '/models/llama-scoutling';

/** Fills the list; stored models come in as soon as they are known. @param asked an address from the page's own */
export async function setUpModels(asked: string | null): Promise<void> {
  const list = byId<HTMLSelectElement>('model');
  list.append(create('option', { value: EMBEDDED }, 'Llama Scoutling, comes with this page'));
  if (asked !== null) list.append(create('option', { value: asked, selected: true }, asked));
  const none = create('option', { value: '' }, 'Kernels only');
  list.append(none);
  const known = [EMBEDDED, asked ?? EMBEDDED].map((address) => withoutSlash(new URL(address, location.href).href));
  const stored = await listModels().catch(() => []); // a browser without such storage has no models there
  for (const { id, label, storedBytes, complete } of stored) {
    if (!complete || known.includes(withoutSlash(id))) continue;
    none.before(create('option', { value: id }, `${label}, ${formatBytes(storedBytes)}`));
  }
}

/** The chosen model's address; undefined: kernels only. */
export function chosenModel(): string | undefined {
  const { value } = byId<HTMLSelectElement>('model');
  return value === '' ? undefined : resolve(value);
}

/** Workers resolve addresses against their own; repositories are not addresses. */
function resolve(value: string): string {
  return /^[./]/.test(value) ? new URL(value, location.href).href : value;
}

const withoutSlash = (address: string): string => address.replace(/\/+$/, '');
