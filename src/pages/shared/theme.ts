/** Light, dark, or what the system says. CSS reads `data-theme` on the root element; absent means system. */
import { byId } from './dom.ts';
import { readJson, writeJson } from './storage.ts';

const themes = ['system', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];

/** Wires the theme button. `onChange` also fires when the system's own preference changes. */
export function setUpTheme(onChange: () => void): void {
  const button = byId<HTMLButtonElement>('theme');
  let theme: Theme = themes.find((name) => name === readJson('localStorage', 'outrider.theme')) ?? 'system';
  const apply = () => {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.title = `Colours: ${theme}`;
    button.setAttribute('aria-label', `Colours: ${theme}. Change`);
    onChange();
  };
  button.addEventListener('click', () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length]!;
    writeJson('localStorage', 'outrider.theme', theme === 'system' ? undefined : theme);
    apply();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', onChange);
  apply();
}
