/** What is known of models while the page is open, by whoever chooses one and whoever shows them. */
import type { ModelEntry } from './address.ts';
import type { ModelLibrary, StoredModel } from './api.ts';
import type { ModelHolder } from './holder.ts';
import type { LoadChoices } from './memory.ts';

export interface Visit {
  readonly library: ModelLibrary;
  readonly holder: ModelHolder;
  /** Models that were added, by key: with their files, and with what their address kept from being remembered. */
  readonly added: Map<string, ModelEntry>;
  /** By key; gone when the page is left. */
  readonly tokens: Map<string, string>;
  /** As of the last time that anyone asked. */
  stored: readonly StoredModel[];
  /** Throws `invalid_request` for what is no address. */
  parse(address: string): ModelEntry;
  /** Address of the model that comes with the page. */
  readonly embedded: string;
  load(entry: ModelEntry, choices?: LoadChoices): Promise<void>;
}

/** The model of a key or an address; undefined where another version of this page wrote it. */
export function entryOf({ added, parse }: Visit, address: string): ModelEntry | undefined {
  try {
    return added.get(address) ?? parse(address);
  } catch {
    return undefined;
  }
}

/** A browser without storage has nothing stored. */
export async function refreshStored(visit: Visit): Promise<void> {
  visit.stored = await visit.library.listModels().catch(() => []);
}
