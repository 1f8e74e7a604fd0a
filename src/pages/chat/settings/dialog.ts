/** The settings dialog: every field with what it means. Loaded when it is opened. */
import type { Engine } from '../../../index.ts';
import { create, createButton } from '../../shared/dom.ts';
import { currentTheme, setTheme, type Theme, themes } from '../../shared/theme.ts';
import { createDialog } from '../dialog.ts';
import { createAnswerFields } from './answers.ts';
import { describeField, type Field } from './field.ts';
import { createRemoteFields } from './remote-fields.ts';
import { type NumberName, ranges, readSettings, type Settings, writeSettings } from './settings.ts';

interface NumberField {
  readonly name: NumberName;
  readonly label: string;
  readonly meaning: string;
  /** What an empty field does, where the model's own default does not say. */
  readonly empty: string;
}

const fields: readonly NumberField[] = [
  {
    name: 'temperature',
    label: 'Temperature',
    meaning: 'How daring the choice of words is. 0 always takes the most probable one; above 1 it soon rambles.',
    empty: '1',
  },
  {
    name: 'topP',
    label: 'Top-p',
    meaning: 'Keeps only the most probable words that together have this probability. 1 keeps all.',
    empty: '1',
  },
  {
    name: 'topK',
    label: 'Top-k',
    meaning: 'Keeps only this many of the most probable words. 0 keeps all.',
    empty: '0',
  },
  {
    name: 'minP',
    label: 'Min-p',
    meaning: 'Drops words that are less probable than this share of the most probable one. 0 drops none.',
    empty: '0',
  },
  {
    name: 'presencePenalty',
    label: 'Presence penalty',
    meaning: 'Above 0, words that the answer has used become less probable: it moves on to new things.',
    empty: '0',
  },
  {
    name: 'frequencyPenalty',
    label: 'Frequency penalty',
    meaning: 'Above 0, a word becomes less probable each time that it is used: it repeats itself less.',
    empty: '0',
  },
  {
    name: 'repetitionPenalty',
    label: 'Repetition penalty',
    meaning: 'Above 1, words of the question and the answer become less probable. 1 changes nothing.',
    empty: '1',
  },
  {
    name: 'maxTokens',
    label: 'Max tokens',
    meaning: 'An answer is cut off after this many tokens: pieces of words.',
    empty: 'no limit',
  },
  {
    name: 'seed',
    label: 'Seed',
    meaning: 'The same number and the same question give the same answer, on this machine.',
    empty: 'random',
  },
];

export type Defaults = Pick<
  Engine['model']['defaults'],
  'temperature' | 'topP' | 'topK' | 'minP' | 'repetitionPenalty'
>;

/**
 * Opens the dialog; what is changed there counts at once.
 * @param defaults what the model does where a field is empty; undefined while there is no model
 */
export function openSettings(defaults: Defaults | undefined, onChange: () => void): void {
  const form = create('form', { className: 'settings', noValidate: true });
  const settings = readSettings();
  form.append(
    createSystemPrompt(settings),
    create('div', { className: 'fields' }, ...fields.map((field) => createNumberField(field, settings, defaults))),
    createOverflow(settings),
    createAnswerFields(settings),
    createRemoteFields(),
    createTheme(),
  );
  const problem = create('p', { className: 'warning', role: 'alert', hidden: true });
  const reset = createButton('Reset to defaults', () => form.reset());
  const hint = create(
    'p',
    { className: 'hint' },
    'An empty field means the model’s own default. Kept in this browser only.',
  );
  form.append(problem, create('footer', { className: 'dialog-foot' }, hint, reset));
  const inputs = [...form.elements].filter(
    (element): element is Field => 'value' in element && 'name' in element && element.name !== '',
  );
  form.addEventListener('input', ({ target }) => {
    if (target instanceof HTMLInputElement) target.ariaInvalid = String(!target.validity.valid);
    const wrong = inputs.find(({ validity }) => !validity.valid);
    problem.hidden = !wrong;
    if (wrong) problem.textContent = `${wrong.ariaLabel}: ${wrong.validationMessage} Not used until then.`;
    writeSettings(settingsOf(inputs));
    onChange();
  });
  form.addEventListener('reset', (event) => {
    event.preventDefault(); // it would bring back what the dialog was opened with
    for (const input of inputs) {
      if (input instanceof HTMLSelectElement) input.selectedIndex = 0;
      else if (isSwitch(input)) (input as HTMLInputElement).checked = false;
      else input.value = '';
      input.dispatchEvent(new Event('input')); // which does not reach the form: it has its own say below
      input.ariaInvalid = null;
    }
    problem.hidden = true;
    writeSettings({});
    onChange();
  });
  const dialog = createDialog('settings', 'Settings', form);
  form.addEventListener('submit', (event) => {
    event.preventDefault(); // Enter in a number field closes the dialog instead of navigating
    dialog.close();
  });
  dialog.showModal();
}

function createNumberField(
  { name, label, meaning, empty }: NumberField,
  settings: Settings,
  defaults: Defaults | undefined,
) {
  const { min, max, integer } = ranges[name];
  const own = defaults && name in defaults ? String(defaults[name as keyof Defaults]) : undefined;
  const input = create('input', {
    name,
    type: 'number',
    min: String(min),
    max: max === undefined ? '' : String(max),
    step: integer ? '1' : 'any',
    inputMode: min < 0 ? 'text' : integer ? 'numeric' : 'decimal', // phones leave the minus out of number pads
    placeholder: own ?? empty,
    value: String(settings[name] ?? ''),
  });
  return describeField(input, label, meaning);
}

function createSystemPrompt({ systemPrompt = '' }: Settings): HTMLElement {
  const field = create('textarea', {
    name: 'systemPrompt',
    rows: 3,
    dir: 'auto',
    placeholder: 'None',
    value: systemPrompt,
  });
  return describeField(
    field,
    'System prompt',
    'Told to the model before every conversation: who it is, how it should answer.',
  );
}

function createOverflow({ overflow }: Settings): HTMLElement {
  const select = create(
    'select',
    { name: 'overflow' },
    new Option('Say so, and send nothing', 'error'),
    new Option('Leave out the oldest messages', 'truncate'),
  );
  select.value = overflow ?? 'error';
  const meaning =
    'What happens when the model has no room for more. The system prompt and your last message always stay.';
  return describeField(select, 'When a conversation grows too long', meaning);
}

/** Kept apart from the other settings: other pages have it too, and a reset leaves it. */
function createTheme(): HTMLElement {
  const labels: Record<Theme, string> = { system: 'As the system', light: 'Light', dark: 'Dark' };
  const select = create('select', {}, ...themes.map((theme) => new Option(labels[theme], theme)));
  select.value = currentTheme();
  select.addEventListener('change', () => setTheme(select.value as Theme));
  return describeField(select, 'Colours', 'Of all pages of Outrider in this browser.');
}

/** What is valid and not empty. */
function settingsOf(inputs: readonly Field[]): Settings {
  const chosen = inputs.filter((field) => field.value.trim() !== '' && field.validity.valid && !isOff(field));
  const entries = chosen.map((field) => [field.name, settingOf(field)]);
  const { overflow, ...rest } = Object.fromEntries(entries) as Settings;
  return overflow === 'truncate' ? { ...rest, overflow } : rest;
}

const isSwitch = (field: Field) => field instanceof HTMLInputElement && field.type === 'checkbox';
const isOff = (field: Field) => isSwitch(field) && !(field as HTMLInputElement).checked;

function settingOf(field: Field): string | number | boolean {
  if (isSwitch(field)) return true;
  return field instanceof HTMLInputElement ? field.valueAsNumber : field.value;
}
