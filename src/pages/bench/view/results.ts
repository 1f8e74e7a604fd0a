/** Draws a run, as far as it has come. */
import type { PartialResults } from '../../../bench/results.ts';
import { byId, create } from '../../shared/dom.ts';
import { type Comparison, formatDate, nameRun } from '../comparison.ts';
import { type Headline, reportOf } from '../report/report.ts';
import { CurvePlots } from './curves.ts';
import { RooflinePlot } from './roofline.ts';
import { drawRatio, showTables } from './table.ts';

export class ResultsView {
  readonly #roofline = new RooflinePlot();
  readonly #curves = new CurvePlots();

  /** @param results of a run that has ended or still goes on; undefined: none yet */
  show(results: PartialResults | undefined, comparison?: Comparison): void {
    const report = reportOf(results ?? { version: 1 }, comparison);
    byId('headlines').replaceChildren(...report.headlines.map(drawHeadline));
    showWarnings(report.warnings);
    byId('adapter-badge').hidden = !results?.adapter?.software;
    byId('results').hidden = !results?.adapter;
    byId('facts').replaceChildren(
      ...report.facts.flatMap(([name, value]) => [create('dt', {}, name), create('dd', {}, value)]),
    );
    byId('about-run').textContent = results ? describeRun(results) : '';
    byId('compared').textContent = comparison
      ? `Factors compare with ${nameRun(comparison.other)}. Above 1× is faster here.`
      : '';
    showTables(report.tables);
    byId('formula').hidden = report.formula.length === 0;
    byId('formula-lines').textContent = report.formula.join('\n');
    this.#roofline.show(results?.roofline, results?.kernels ?? []);
    this.#curves.show(results?.curves);
  }

  /** The colours of the page have changed. */
  redraw(): void {
    this.#roofline.redraw();
    this.#curves.redraw();
  }
}

function drawHeadline({ name, value, unit, detail, ratio }: Headline): HTMLElement {
  const figure = create('dd', { className: value === undefined ? 'value waiting' : 'value' }, value ?? '–');
  if (unit !== undefined) figure.append(' ', create('small', {}, unit));
  const below = create('dd', { className: 'detail' }, detail ?? '');
  if (ratio !== undefined) below.append(drawRatio(ratio));
  return create('div', {}, create('dt', {}, name), figure, below);
}

function showWarnings(warnings: readonly string[]): void {
  const list = byId('warnings');
  list.hidden = warnings.length === 0;
  list.replaceChildren(...warnings.map((text) => create('li', { className: 'warning' }, text)));
}

function describeRun({ date, model, outrider }: PartialResults): string {
  const correct = { true: ', greedy text as expected', false: ', greedy text not as expected' };
  const name = model && `${model.name}${model.correct === undefined ? '' : correct[`${model.correct}`]}`;
  return [date && `Measured ${formatDate(date)}`, name, outrider && `Outrider ${outrider}`].filter(Boolean).join(' · ');
}
