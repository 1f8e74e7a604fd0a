/** The settings of what an answer may be: tools, form, probabilities. */
import { parseTools } from '../../../api/request/tools.ts';
import { create, createButton } from '../../shared/dom.ts';
import { exampleTools } from './example-tools.ts';
import { describeField, describeSwitch } from './field.ts';
import { parseSchema } from './json.ts';
import type { Settings } from './settings.ts';

/** All of them; the fields carry the settings' names. */
export function createAnswerFields(settings: Settings): HTMLElement {
  const title = create('h3', {}, 'Answers');
  return create(
    'section',
    { className: 'settings-part' },
    title,
    ...createFormat(settings),
    createTools(settings),
    createProbabilities(settings),
  );
}

function createFormat({ format, schema = '' }: Settings): HTMLElement[] {
  const select = create(
    'select',
    { name: 'format' },
    new Option('Text', ''),
    new Option('JSON', 'json_object'),
    new Option('JSON with a schema', 'json_schema'),
  );
  select.value = format ?? '';
  const field = createJsonField('schema', schema, '{ "type": "object", "properties": { … } }', parseSchema);
  const box = describeField(field, 'JSON schema', 'Every answer is JSON that obeys it. Empty: any JSON.');
  const show = () => {
    box.hidden = select.value !== 'json_schema';
  };
  select.addEventListener('input', show);
  show();
  const meaning = 'With JSON an answer is nothing else, and the tools below are not offered meanwhile.';
  return [describeField(select, 'Form of the answers', meaning), box];
}

function createTools({ tools = '' }: Settings): HTMLElement {
  const field = createJsonField('tools', tools, 'None', (text) => parseTools({ tools: JSON.parse(text) }));
  const box = describeField(
    field,
    'Tools',
    'Functions that the model may call, as JSON in the form of OpenAI’s tools. Nothing runs by itself: you see the call, and give its result.',
  );
  const fill = createButton('Put in the examples', () => {
    field.value = JSON.stringify(exampleTools, null, 2);
    field.dispatchEvent(new Event('input', { bubbles: true }));
  });
  box.append(fill);
  return box;
}

function createProbabilities({ probabilities }: Settings): HTMLElement {
  const input = create('input', { name: 'probabilities', type: 'checkbox', checked: probabilities === true });
  input.setAttribute('role', 'switch');
  const meaning =
    'Point at a word of an answer to see how probable it was, and what else could have stood there. Costs a little time for each word.';
  return describeSwitch(input, 'Show probabilities', meaning);
}

/** A field of JSON text that is checked while it is typed. @param check throws for what is not possible */
function createJsonField(name: string, value: string, placeholder: string, check: (text: string) => void) {
  const field = create('textarea', {
    name,
    value,
    placeholder,
    rows: 5,
    dir: 'ltr',
    className: 'json',
    spellcheck: false,
    autocomplete: 'off',
  });
  const validate = () => {
    let problem = '';
    try {
      if (field.value.trim() !== '') check(field.value);
    } catch (error) {
      problem = error instanceof SyntaxError ? `This is not JSON: ${error.message}.` : (error as Error).message;
    }
    field.setCustomValidity(problem);
    field.ariaInvalid = String(problem !== '');
  };
  field.addEventListener('input', validate);
  validate();
  return field;
}
