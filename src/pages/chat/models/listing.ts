/** The list of models: what the page knows by address, joined with what is stored, and with what is going on. Pure. */
import { isStoredAs, type ModelEntry } from './address.ts';
import type { StoredModel } from './api.ts';

/** What is true of a model now; exactly one of these. */
export type RowState =
  | 'in-use' // answers in this tab
  | 'loading'
  | 'paused' // loading was stopped in this visit
  | 'complete' // all of it is stored
  | 'partial'
  | 'broken' // what is stored cannot be used
  | 'absent' // nothing of it is stored
  | 'files'; // on this machine, outside of the browser's storage

export interface Row {
  readonly entry: ModelEntry;
  readonly stored?: StoredModel | undefined;
  readonly state: RowState;
}

/** What the page's one engine is about. */
export interface Active {
  readonly key: string;
  readonly state: 'loading' | 'paused' | 'ready';
}

/**
 * One row per model: the known ones in their order, then those that are stored but not known any more.
 * @param recall makes an entry of a stored model's id
 */
export function listRows(
  known: readonly ModelEntry[],
  stored: readonly StoredModel[],
  active: Active | undefined,
  recall: (id: string) => ModelEntry,
): Row[] {
  const rest = new Set(stored);
  const rows = known.map((entry): Row => {
    const own = stored.filter((model) => isStoredAs(entry, model.id));
    const best = own.find(({ complete }) => complete) ?? own.at(-1); // other versions get rows of their own below
    if (best) rest.delete(best);
    return { entry, stored: best, state: stateOf(entry, best, active) };
  });
  const forgotten = [...rest].map((model): Row => {
    const entry = recall(model.id);
    return { entry, stored: model, state: stateOf(entry, model, active) };
  });
  return [...rows, ...forgotten];
}

function stateOf(entry: ModelEntry, stored: StoredModel | undefined, active: Active | undefined): RowState {
  if (active?.key === entry.key) return active.state === 'ready' ? 'in-use' : active.state;
  if (entry.kind === 'files') return 'files';
  if (stored?.problem !== undefined) return 'broken';
  if (!stored || stored.bytes === 0) return 'absent';
  return stored.complete ? 'complete' : 'partial';
}
