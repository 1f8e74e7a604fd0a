/**
 * The ways to look at one answer: as text, as a tree where it is JSON, token by token where probabilities came with it.
 * All but the text are loaded when they are shown first.
 */
import { create, createButton } from '../../shared/dom.ts';
import { loadStyles } from '../../shared/styles.ts';
import viewStyles from '../answer-views/views.css?url';
import type { Answer } from '../conversations/tree.ts';
import { readSettings } from '../settings/settings.ts';

/** `text`: Markdown, or the plain JSON. */
export type Face = 'text' | 'tree' | 'tokens';

const loaders: Readonly<Record<Exclude<Face, 'text'>, (answer: Answer) => Promise<HTMLElement>>> = {
  tree: async ({ text }) => {
    const [{ createJsonTree }] = await Promise.all([import('../answer-views/tree.ts'), loadStyles(viewStyles)]);
    return createJsonTree(JSON.parse(text));
  },
  tokens: async ({ tokens = [] }) => {
    const [{ createTokenView }] = await Promise.all([import('../answer-views/tokens.ts'), loadStyles(viewStyles)]);
    return createTokenView(tokens);
  },
};

/** The ways to look at this answer, that which is shown first in front. */
export function facesOf(answer: Answer): readonly Face[] {
  const faces: Face[] = [...(isJson(answer) ? ['tree' as const] : []), 'text'];
  if (!answer.tokens) return faces;
  return readSettings().probabilities ? ['tokens', ...faces] : [...faces, 'tokens'];
}

/** What is parsed as Markdown: JSON is a block of code. */
export function markdownOf({ text, format }: Pick<Answer, 'text' | 'format'>): string {
  if (format !== 'json' || text === '') return text;
  return `\`\`\`json\n${text}`; // no line of JSON can begin with what ends the block: strings hold no line breaks
}

/** Shows `prose`, or what stands in its place, and the buttons that change between them. */
export class Faces {
  /** Empty where there is only one way to look at the answer. */
  readonly buttons: readonly HTMLElement[];
  readonly #answer: Answer;
  readonly #prose: HTMLElement;
  readonly #onChange: () => void;
  readonly #others = new Map<Face, HTMLElement>();
  readonly #buttons: ReadonlyMap<Face, HTMLButtonElement>;
  #shown: Face = 'text';

  /** @param onChange the answer has another height now */
  constructor(answer: Answer, prose: HTMLElement, onChange: () => void) {
    this.#answer = answer;
    this.#prose = prose;
    this.#onChange = onChange;
    const faces = facesOf(answer);
    const labels: Record<Face, string> = {
      text: answer.format === 'json' ? 'Raw' : 'Text',
      tree: 'Tree',
      tokens: 'Tokens',
    };
    this.#buttons = new Map(faces.map((face) => [face, createButton(labels[face], () => void this.show(face))]));
    const group = create('div', { className: 'faces', role: 'group', ariaLabel: 'View' }, ...this.#buttons.values());
    this.buttons = faces.length > 1 ? [group] : [];
    void this.show(faces[0]!);
  }

  /** What does not load leaves the text. */
  async show(face: Face): Promise<void> {
    this.#shown = face;
    this.#mark();
    try {
      if (face !== 'text' && !this.#others.has(face)) this.#others.set(face, await loaders[face](this.#answer));
    } catch {
      this.#shown = 'text';
    }
    const element = this.#others.get(this.#shown);
    if (face !== this.#shown && this.#shown !== 'text') return; // another one was chosen meanwhile
    for (const other of this.#others.values()) if (other !== element) other.remove();
    if (element) this.#prose.after(element);
    this.#prose.hidden = element !== undefined;
    this.#mark();
    this.#onChange();
  }

  /** The answer is to be shown anew. */
  remove(): void {
    this.#shown = 'text'; // what is still on its way stays away
    for (const other of this.#others.values()) other.remove();
    this.#others.clear();
    this.#prose.hidden = false;
  }

  #mark(): void {
    for (const [face, button] of this.#buttons) button.ariaPressed = String(face === this.#shown);
  }
}

function isJson({ text, format }: Answer): boolean {
  if (format !== 'json') return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // cut off
  }
}
