/** Draws a plan: the bar, what its parts mean, and the verdict in words. */
import type { ModelPlan } from '../../../../model/plan.ts';
import { byId, create } from '../../../shared/dom.ts';
import { formatBytes } from '../../../shared/format.ts';
import { layOutBar, type Part } from '../plan-bar.ts';

const names: Readonly<Record<Part, string>> = {
  weights: 'Weights',
  kv: 'Keys and values',
  activations: 'Working memory',
  free: 'Free',
};

/** Shows the plan; undefined: it is being made, and the one before stays in sight, dimmed. */
export function showPlan(plan: ModelPlan | undefined): void {
  const section = byId('setup-plan');
  section.setAttribute('aria-busy', String(!plan));
  if (!plan) return;
  const bar = byId('plan-bar');
  const { segments, limit, missing } = layOutBar({ ...plan.gpu, budget: plan.budget });
  bar.replaceChildren(
    ...segments.map(({ part, share }) => {
      const element = create('span', { className: part });
      element.style.flexGrow = String(share);
      return element;
    }),
  );
  if (limit !== undefined) {
    const over = create('span', { className: 'over' });
    over.style.insetInlineStart = `${100 * limit}%`;
    bar.append(over);
  }
  const legend: [Part | 'over', string, number][] = segments.map(({ part, bytes }) => [part, names[part], bytes]);
  if (missing > 0) legend.push(['over', 'Missing', missing]);
  byId('plan-legend').replaceChildren(
    ...legend.map(([part, name, bytes]) => {
      const swatch = create('span', { className: `swatch ${part}` });
      return create('li', {}, swatch, `${name} `, create('b', {}, formatBytes(bytes)));
    }),
  );
  bar.ariaLabel = legend.map(([, name, bytes]) => `${name} ${formatBytes(bytes)}`).join(', ');
  showVerdict(plan);
}

/** Nothing is known of a model yet. */
export function clearPlan(words: string): void {
  byId('plan-bar').replaceChildren();
  byId('plan-bar').ariaLabel = words;
  byId('plan-legend').replaceChildren();
  byId('plan-steps').replaceChildren();
  byId('plan-verdict').textContent = words;
  delete byId('plan-verdict').dataset.verdict;
  byId('setup-plan').setAttribute('aria-busy', 'true');
}

function showVerdict({ verdict, budget, gpu, reason, nextSteps, notices }: ModelPlan): void {
  const words = {
    fits: `It fits: ${formatBytes((budget ?? 0) - gpu.total)} stay free.`,
    unproven: `It needs ${formatBytes(gpu.total)}. Whether this machine has so much shows before anything is downloaded.`,
    'too-large': reason,
  };
  const line = byId('plan-verdict');
  line.textContent = words[verdict];
  line.dataset.verdict = verdict;
  const steps = verdict === 'too-large' ? [...nextSteps, ...notices] : notices; // without a budget the field below says it
  byId('plan-steps').replaceChildren(...steps.map((step) => create('li', {}, step)));
}
