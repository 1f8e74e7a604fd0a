/** A field of the settings: its label, and what it means. */
import { create } from '../../shared/dom.ts';

export type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

let numFields = 0;

/** The field with its label above it and its meaning below. */
export function describeField(field: Field, label: string, meaning: string): HTMLElement {
  const hint = create('p', { className: 'hint', id: `setting-${++numFields}` }, meaning);
  field.setAttribute('aria-describedby', hint.id);
  field.ariaLabel = label;
  return create('div', { className: 'field' }, create('label', {}, create('span', {}, label), field), hint);
}

/** A switch with its label behind it. */
export function describeSwitch(input: HTMLInputElement, label: string, meaning: string): HTMLElement {
  const field = describeField(input, label, meaning);
  field.classList.add('switch');
  return field;
}
