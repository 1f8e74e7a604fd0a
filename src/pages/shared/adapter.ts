/** A graphics adapter in words. Pure. */
import type { ModelFacts } from '../../index.ts';

/** Its name, as far as the browser tells: most leave most fields empty. */
export function adapterName({ description, device, vendor, architecture }: ModelFacts['adapter']): string {
  return description || device || [vendor, architecture].filter(Boolean).join(' ') || 'an unnamed adapter';
}
