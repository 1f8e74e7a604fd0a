/** The licence of a model: what it is called, where it stands, and whether it is accepted. */
import { byId, create } from '../../../shared/dom.ts';
import { type ModelEntry, resolveLink } from '../address.ts';
import type { ModelCard } from '../card.ts';
import type { CardSummary } from '../memory.ts';

/** What is written down when a person accepts; changes when the model's licence does. */
export const licenseId = (card: ModelCard): string => card.license ?? 'none stated';

/**
 * Shows the licence.
 * @param mustAccept a person has to say yes before the first download
 */
export function showLicense(entry: ModelEntry, card: ModelCard | undefined, mustAccept: boolean): void {
  const line = byId('setup-license');
  if (!card) line.replaceChildren('Reading the model’s card…');
  else if (card.licenseName === undefined)
    line.replaceChildren('The model’s card states no licence. Ask its makers whether you may use it.');
  else line.replaceChildren(...licenseLine(entry, card));
  const details = byId<HTMLDetailsElement>('setup-license-details');
  details.hidden = !card?.licenseText;
  details.open = false;
  byId('setup-license-text').textContent = card?.licenseText ?? '';
  byId('setup-accept').hidden = !(card && mustAccept);
  byId<HTMLInputElement>('setup-accepted').checked = false;
  byId('setup-accept-text').textContent = card?.licenseName
    ? `I have read the ${card.licenseName} and accept it.`
    : 'I know that no licence is stated, and have the right to use this model.';
}

/** `MIT licence · Built with Llama`, the name as a link where it leads somewhere. */
export function licenseLine(
  entry: ModelEntry,
  { licenseName, licenseLink, attribution }: CardSummary,
): (Node | string)[] {
  const href = licenseLink === undefined ? undefined : resolveLink(entry, licenseLink);
  const name = licenseName ?? '';
  const title = href ? create('a', { href, target: '_blank', rel: 'noopener noreferrer' }, name) : name;
  return [title, ...(attribution ? [` · ${attribution}`] : [])];
}
