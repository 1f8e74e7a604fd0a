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

/** The card of the model that comes with this page; a test compares it with the model's own README. */
export const embeddedCard = {
  license: 'mit',
  licenseName: 'MIT licence',
  licenseLink: 'https://opensource.org/license/mit',
  attribution: 'Built with Llama',
} as const satisfies CardSummary;

const storageKey = 'outrider.models';

const read = (): Remembered => (readJson('localStorage', storageKey) ?? {}) as Remembered;
const change = (changes: Partial<Remembered>) => writeJson('localStorage', storageKey, { ...read(), ...changes });

/** Addresses that were added, as `parseAddress` takes them. */
export const addedModels = (): readonly string[] => read().added ?? [];

/** Files cannot be found again on the next visit, and the embedded model is always there. */
export function rememberModel({ key, kind }: ModelEntry): void {
  if (kind === 'files' || kind === 'embedded') return;
  if (!addedModels().includes(key)) change({ added: [...addedModels(), key] });
}

/** Forgets the model with everything that was chosen for it. */
export function forgetModel(key: string): void {
  const { added = [], accepted, cards, choices, sizes, last } = read();
  change({
    added: added.filter((other) => other !== key),
    accepted: without(accepted, key),
    cards: without(cards, key),
    choices: without(choices, key),
    sizes: without(sizes, key),
    last: last === key ? undefined : last,
  });
}

/** The licence that was accepted for this model, as `acceptLicense` was told. */
export const acceptedLicense = (key: string): string | undefined => read().accepted?.[key];

/** Whether a licence was accepted for this model, whichever it was. */
export const isAccepted = (key: string): boolean => acceptedLicense(key) !== undefined;

export function acceptLicense(key: string, license: string): void {
  change({ accepted: { ...read().accepted, [key]: license } });
}

/** What is known of the model's card without reading it: of the embedded one always. */
export function cardOf({ key, kind }: ModelEntry): CardSummary | undefined {
  return kind === 'embedded' ? embeddedCard : read().cards?.[key];
}

export function rememberCard(key: string, { license, licenseName, licenseLink, attribution }: ModelCard): void {
  change({ cards: { ...read().cards, [key]: { license, licenseName, licenseLink, attribution } } });
}

export const choicesFor = (key: string): LoadChoices => read().choices?.[key] ?? {};

export function rememberChoices(key: string, choices: LoadChoices): void {
  change({ choices: { ...read().choices, [key]: choices } });
}

/** Bytes of all files of the model, as its last plan said. */
export const sizeOf = (key: string): number | undefined => read().sizes?.[key];

export function rememberSize(key: string, bytes: number): void {
  change({ sizes: { ...read().sizes, [key]: bytes } });
}

/** Bytes. */
export const budget = (): number | undefined => read().budget;

export function rememberBudget(bytes: number | undefined): void {
  change({ budget: bytes });
}

export const lastModel = (): string | undefined => read().last;

export function rememberLast(key: string | undefined): void {
  change({ last: key });
}

function without<T>(record: Readonly<Record<string, T>> = {}, key: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([other]) => other !== key));
}
