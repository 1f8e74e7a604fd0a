/** What the page remembers of models for those who choose among them: cards, licences, sizes. Loaded with what shows them. */
import type { ModelEntry } from './address.ts';
import type { ModelCard } from './card.ts';
import { type CardSummary, changeMemory, readMemory } from './memory.ts';

/** The card of the model that comes with this page; a test compares it with the model's own README. */
export const embeddedCard = {
  license: 'mit',
  licenseName: 'MIT licence',
  licenseLink: 'https://opensource.org/license/mit',
  attribution: 'Built with Llama',
} as const satisfies CardSummary;

/** The licence that was accepted for this model, as `acceptLicense` was told. */
export const acceptedLicense = (key: string): string | undefined => readMemory().accepted?.[key];

/** Whether a licence was accepted for this model, whichever it was. */
export const isAccepted = (key: string): boolean => acceptedLicense(key) !== undefined;

export function acceptLicense(key: string, license: string): void {
  changeMemory({ accepted: { ...readMemory().accepted, [key]: license } });
}

/** What is known of the model's card without reading it: of the embedded one always. */
export function cardOf({ key, kind }: ModelEntry): CardSummary | undefined {
  return kind === 'embedded' ? embeddedCard : readMemory().cards?.[key];
}

export function rememberCard(key: string, { license, licenseName, licenseLink, attribution }: ModelCard): void {
  changeMemory({ cards: { ...readMemory().cards, [key]: { license, licenseName, licenseLink, attribution } } });
}

/** Bytes of all files of the model, as its last plan said. */
export const sizeOf = (key: string): number | undefined => readMemory().sizes?.[key];

export function rememberSize(key: string, bytes: number): void {
  changeMemory({ sizes: { ...readMemory().sizes, [key]: bytes } });
}

export function rememberBudget(bytes: number | undefined): void {
  changeMemory({ budget: bytes });
}

/** Forgets the model with everything that was chosen for it. */
export function forgetModel(key: string): void {
  const { added = [], accepted, cards, choices, sizes, last } = readMemory();
  changeMemory({
    added: added.filter((other) => other !== key),
    accepted: without(accepted, key),
    cards: without(cards, key),
    choices: without(choices, key),
    sizes: without(sizes, key),
    last: last === key ? undefined : last,
  });
}

function without<T>(record: Readonly<Record<string, T>> = {}, key: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([other]) => other !== key));
}
