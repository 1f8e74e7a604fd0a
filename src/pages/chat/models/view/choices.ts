/** The fields below a plan: context, budget, and what may be given up for memory. */
import { OutriderError } from '../../../../errors.ts';
import type { ModelPlan } from '../../../../model/plan.ts';
import { byId, create } from '../../../shared/dom.ts';
import { formatBytes, formatCount } from '../../../shared/format.ts';
import type { LoadChoices } from '../memory.ts';
import { contextSteps, stepOf } from '../plan-bar.ts';

export interface Choices extends LoadChoices {
  /** Bytes. */
  readonly budget?: number | undefined;
}

interface Option {
  readonly choice: LoadChoices;
  /** The choice taken back. */
  readonly without: LoadChoices;
  readonly label: string;
  /** What is given up. */
  readonly price: string;
}

const options: readonly Option[] = [
  {
    choice: { kvDtype: 'f16' },
    without: { kvDtype: undefined },
    label: 'Keys and values in 16 bits',
    price: 'almost lossless',
  },
  {
    choice: { recipe: 'int8-backbone' },
    without: { recipe: undefined },
    label: 'Attention and vocabulary in 8 bits',
    price: 'lossy: answers change a little',
  },
  {
    choice: { quantizeOnLoad: 'int4' },
    without: { quantizeOnLoad: undefined },
    label: 'Weights in 4 bits, made while loading',
    price: 'lossy: answers change and get somewhat worse',
  },
];

const gigabyte = 1e9;

export class ChoicesForm {
  readonly #context = byId<HTMLInputElement>('plan-context');
  readonly #contextText = byId<HTMLOutputElement>('plan-context-text');
  readonly #budget = byId<HTMLInputElement>('plan-budget');
  readonly #boxes = options.map((option) => ({ option, ...createBox(option) }));
  #steps: readonly number[] = [];
  /** As chosen; undefined leaves it to the engine. */
  #contextLength: number | undefined;
  /** What options save on weights: by the choices that bear on them, then by option. */
  readonly #savings = new Map<string, Map<Option, number>>();

  /** @param onChange called after every change by a person */
  constructor(onChange: () => void) {
    byId('plan-options').append(...this.#boxes.map(({ element }) => element));
    this.#context.addEventListener('input', () => {
      this.#contextLength = this.#steps[this.#context.valueAsNumber];
      this.#showContext(this.#contextLength ?? 0);
      onChange();
    });
    for (const field of [this.#budget, ...this.#boxes.map(({ box }) => box)]) field.addEventListener('input', onChange);
  }

  show({ contextLength, budget, ...rest }: Choices): void {
    this.#savings.clear();
    this.#steps = [];
    this.#contextLength = contextLength;
    this.#context.max = '0';
    this.#context.disabled = true;
    this.#contextText.textContent = '';
    this.#budget.value = budget === undefined ? '' : String(budget / gigabyte);
    byId('plan-options').hidden = true;
    for (const { option, box, element } of this.#boxes) {
      box.checked = Object.entries(option.choice).every(([name, value]) => rest[name as keyof typeof rest] === value);
      element.hidden = true;
    }
  }

  read(): Choices {
    const budget = this.#budget.validity.valid ? this.#budget.valueAsNumber * gigabyte : Number.NaN;
    const chosen = this.#boxes.filter(({ box }) => box.checked).map(({ option }) => option.choice);
    return Object.assign(
      { contextLength: this.#contextLength, budget: budget > 0 ? Math.round(budget) : undefined },
      ...chosen,
    );
  }

  /** The slider's range, and where it stands when nobody moved it. */
  showLimits({ kv }: ModelPlan): void {
    this.#steps = contextSteps(kv.maxContextLength);
    this.#context.max = String(this.#steps.length - 1);
    this.#context.value = String(stepOf(this.#steps, kv.contextLength));
    this.#context.disabled = false;
    this.#showContext(kv.contextLength);
  }

  /**
   * What each option saves, or saved; those that change nothing in this model are hidden.
   * @param plan plans with other choices; what it rejects with passes through, unless the option is not for this model
   */
  async showSavings(now: ModelPlan, plan: (changes: LoadChoices) => Promise<ModelPlan>): Promise<void> {
    const { recipe, quantizeOnLoad } = this.read();
    const known = this.#savings.get(`${recipe} ${quantizeOnLoad}`) ?? new Map<Option, number>();
    this.#savings.set(`${recipe} ${quantizeOnLoad}`, known); // context and budget do not bear on weights
    for (const { option, box, element, price } of this.#boxes) {
      let saves = 'kvDtype' in option.choice ? savedOnKv(now) : known.get(option);
      if (saves === undefined) {
        const other = await plan(box.checked ? option.without : option.choice).catch(undefinedIfRefused);
        saves = other ? Math.abs(now.gpu.total - other.gpu.total) : 0;
        known.set(option, saves);
      }
      element.hidden = saves === 0 && !box.checked;
      price.textContent = `${option.price}; ${box.checked ? 'saved' : 'saves'} ${formatBytes(saves)}`;
    }
    byId('plan-options').hidden = this.#boxes.every(({ element }) => element.hidden);
  }

  #showContext(contextLength: number): void {
    const words = formatCount(contextLength, 'token');
    this.#contextText.textContent = words;
    this.#context.setAttribute('aria-valuetext', words);
  }
}

function undefinedIfRefused(error: unknown): undefined {
  const refused =
    error instanceof OutriderError && ['quantization_unsupported', 'invalid_request'].includes(error.code);
  if (!refused) throw error;
}

/** Two bytes a number instead of four. */
const savedOnKv = ({ gpu, kv }: ModelPlan): number => (kv.dtype === 'f16' ? gpu.kv : gpu.kv / 2);

function createBox({ label, price }: Option) {
  const box = create('input', { type: 'checkbox' });
  const cost = create('small', {}, price);
  const words = create('span', {}, label, cost);
  return { box, price: cost, element: create('label', { className: 'check', hidden: true }, box, words) };
}
