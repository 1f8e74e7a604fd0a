/** What a person can do next with the model whose plan they look at, and what is in the way. Pure. */
import type { ModelPlan } from '../../../model/plan.ts';
import type { ModelKind } from './address.ts';
import type { HolderState } from './holder.ts';

export interface NextFacts {
  readonly kind: ModelKind;
  /** Of this model, or `empty` where the engine is about another one. */
  readonly engine: HolderState['kind'];
  /** Undefined while it is being made, and where it cannot be. */
  readonly verdict: ModelPlan['verdict'] | undefined;
  /** Whether some or all of the model is stored. */
  readonly stored: 'nothing' | 'some' | 'all';
  readonly mustAccept: boolean;
  readonly accepted: boolean;
  /** Whether the choices are others than those that it was loaded with. */
  readonly changed: boolean;
}

export interface Next {
  readonly label: string;
  readonly enabled: boolean;
  /** What is in the way, or what will happen. */
  readonly hint: string;
}

export function nextStep(facts: NextFacts): Next {
  const label = labelOf(facts);
  const no = (hint: string): Next => ({ label, enabled: false, hint });
  if (facts.engine === 'loading') return no('');
  if (facts.verdict === undefined) return no('');
  if (facts.verdict === 'too-large') return no('It does not fit as planned above.');
  if (facts.mustAccept && !facts.accepted) return no('Accept the licence to go on.');
  if (facts.engine === 'ready' && !facts.changed) return no('In use, as planned above.');
  return { label, enabled: true, hint: '' };
}

function labelOf({ kind, engine, stored, changed }: NextFacts): string {
  if (engine === 'ready') return changed ? 'Load again like this' : 'In use';
  if (engine === 'failed') return 'Try again';
  if (engine === 'paused' || stored === 'some') return 'Resume';
  return stored === 'all' || kind === 'files' ? 'Load' : 'Download and load';
}
