/** Drawn inline: an icon file would be a request, and an icon font a policy of its own. */
import { html } from 'lit';

const icon = (path: string) => html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d=${path} /></svg>`;

export const sendIcon = icon('M10 16V4.5M5 9l5-5 5 5');
export const stopIcon = icon('M6.5 6.5h7v7h-7z');
export const downIcon = icon('M10 4v11.5M5 11l5 5 5-5');
