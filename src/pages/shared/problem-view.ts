/** The part of a page that takes the place of everything else when it cannot go on. */
import { byId, create } from './dom.ts';
import type { Problem } from './problems.ts';

/** Shows a problem on a page that has the markup for it, or hides it again. */
export function showProblem(problem: Problem | undefined): void {
  byId('problem').hidden = !problem;
  if (!problem) return;
  byId('problem-title').textContent = problem.title;
  byId('problem-lead').textContent = problem.lead;
  byId('problem-advice').replaceChildren(...problem.advice.map((line) => create('li', {}, line)));
  byId('problem-retry').textContent = problem.retry;
  byId('problem-details').textContent = problem.details;
  byId('problem-title').focus();
}
