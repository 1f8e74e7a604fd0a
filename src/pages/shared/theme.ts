/** Light, dark, or what the system says. CSS reads `data-theme` on the root element; absent means system. */
import { byId } from './dom.ts';
import { readJson, writeJson } from './storage.ts';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const key = 'outrider.theme';
const listeners: (() => void)[] = [];

/** What was chosen in this browser. */
export const currentTheme = (): Theme => themes.find((name) => name === readJson('localStorage', key)) ?? 'system';

/** Keeps the choice, and shows it. */
export function setTheme(theme: Theme): void {
  writeJson('localStorage', key, theme === 'system' ? undefined : theme);
  apply();
}

/** Shows what was chosen. `onChange` is called at once, and whenever the colours change, by the system too. */
export function followTheme(onChange: () => void): void {
  listeners.push(onChange);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', onChange);
  apply();
}

/** Wires the theme button of a page that has one. */
export function setUpTheme(onChange: () => void): void {
  const button = byId<HTMLButtonElement>('theme');
  button.addEventListener('click', () => {
    setTheme(themes[(themes.indexOf(currentTheme()) + 1) % themes.length]!);
  });
  followTheme(() => {
    button.title = `Colours: ${currentTheme()}`;
    button.setAttribute('aria-label', `Colours: ${currentTheme()}. Change`);
    onChange();
  });
}

function apply(): void {
  const theme = currentTheme();
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const listener of listeners) listener();
}
