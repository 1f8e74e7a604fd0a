/** What the page remembers of models between visits. Never a token, and never the query of an address, which may be one. */
import { readJson, writeJson } from '../../shared/storage.ts';
import type { ModelEntry } from './address.ts';
import type { ModelCard } from './card.ts';

/** How a person wants a model loaded. */
export interface LoadChoices {
  /** Tokens. */
  readonly contextLength?: number | undefined;
  readonly kvDtype?: 'f32' | 'f16' | undefined;
  readonly quantizeOnLoad?: 'int4' | undefined;
  readonly recipe?: 'as-stored' | 'int8-backbone' | undefined;
}

/** What is shown of a model's card without reading it again. */
export type CardSummary = Pick<ModelCard, 'license' | 'licenseName' | 'licenseLink' | 'attribution'>;

interface Remembered {
  /** Keys of models that were added, newest last. */
  readonly added?: readonly string[];
  /** By key: the licence that was accepted, as its card names it. */
  readonly accepted?: Readonly<Record<string, string>>;
  readonly cards?: Readonly<Record<string, CardSummary>>;
  /** By key: bytes of all its files, as its plan said. */
  readonly sizes?: Readonly<Record<string, number>>;
  readonly choices?: Readonly<Record<string, LoadChoices>>;
  /** Bytes on the GPU that models may use. */
  readonly budget?: number | undefined;
  /** Key of the model that was used last, once it was ready. */
  readonly last?: string | undefined;
}

const storageKey = 'outrider.models';

export const readMemory = (): Remembered => (readJson('localStorage', storageKey) ?? {}) as Remembered;
export const changeMemory = (changes: Partial<Remembered>) =>
  writeJson('localStorage', storageKey, { ...readMemory(), ...changes });

/** Addresses that were added, as `parseAddress` takes them. */
export const addedModels = (): readonly string[] => readMemory().added ?? [];

/** Files cannot be found again on the next visit, and the embedded model is always there. */
export function rememberModel({ key, kind }: ModelEntry): void {
  if (kind === 'files' || kind === 'embedded') return;
  if (!addedModels().includes(key)) changeMemory({ added: [...addedModels(), key] });
}

export const choicesFor = (key: string): LoadChoices => readMemory().choices?.[key] ?? {};

export function rememberChoices(key: string, choices: LoadChoices): void {
  changeMemory({ choices: { ...readMemory().choices, [key]: choices } });
}

/** Bytes. */
export const budget = (): number | undefined => readMemory().budget;

export const lastModel = (): string | undefined => readMemory().last;

export function rememberLast(key: string | undefined): void {
  changeMemory({ last: key });
}
