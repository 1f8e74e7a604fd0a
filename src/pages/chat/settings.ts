/** The settings popover: request fields that the user chose, remembered in this browser. */
import type { Engine } from '../../index.ts';
import { byId } from '../shared/dom.ts';
import { readJson, writeJson } from '../shared/storage.ts';

/** What is chosen; an absent field leaves the decision to the model's own `generation_config.json`. */
export interface Settings {
  /** 0..2. */
  readonly temperature?: number;
  /** 0..1. */
  readonly topP?: number;
  /** Tokens per answer. */
  readonly maxTokens?: number;
  readonly seed?: number;
  readonly systemPrompt?: string;
}

const key = 'outrider.settings';

/** The chosen fields in OpenAI's words; absent ones stay absent. */
export function requestFields({ temperature, topP, maxTokens, seed }: Settings) {
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
    ...(seed !== undefined && { seed }),
  };
}

/** The wired form. */
export interface SettingsForm {
  /** What is chosen now; an invalid field counts as empty. */
  read(): Settings;
  /** Shows in the empty fields what the model does without them. */
  showDefaults(defaults: Pick<Engine['model']['defaults'], 'temperature' | 'topP'>): void;
}

/** Wires the settings popover and fills in what this browser remembers. */
export function setUpSettings(): SettingsForm {
  const form = byId<HTMLFormElement>('settings');
  const fields = [...form.elements].filter(
    (element): element is HTMLInputElement | HTMLTextAreaElement =>
      element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement,
  );
  const stored = (readJson('localStorage', key) ?? {}) as Record<string, unknown>;
  for (const field of fields) {
    const value = stored[field.name];
    if (typeof value === 'number' || typeof value === 'string') field.value = String(value);
  }
  const read = (): Settings =>
    Object.fromEntries(
      fields
        .filter((field) => field.value.trim() !== '' && field.validity.valid)
        .map((field) => [field.name, field instanceof HTMLInputElement ? field.valueAsNumber : field.value]),
    );
  const problem = byId('settings-problem');
  const showProblem = () => {
    const wrong = fields.find((field) => !field.validity.valid);
    problem.hidden = !wrong;
    if (wrong)
      problem.textContent = `${wrong.labels?.[0]?.textContent?.trim()}: ${wrong.validationMessage} Not used until then.`;
  };
  form.addEventListener('input', (event) => {
    const field = event.target as HTMLInputElement;
    field.setAttribute('aria-invalid', String(!field.validity.valid));
    showProblem();
    writeJson('localStorage', key, read());
  });
  form.addEventListener('reset', () => {
    for (const field of fields) field.removeAttribute('aria-invalid');
    problem.hidden = true;
    writeJson('localStorage', key, undefined);
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault(); // Enter in a number field closes the popover instead of navigating
    form.hidePopover();
  });
  return {
    read,
    showDefaults(defaults) {
      for (const name of ['temperature', 'topP'] as const) {
        (form.elements.namedItem(name) as HTMLInputElement).placeholder = String(defaults[name]);
      }
    },
  };
}
