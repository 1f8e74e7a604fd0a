/** The cost curves: seconds per token against the position, one line per kind of layer. */
import uPlot from 'uplot';
import type { CostCurve, CostCurves } from '../../../bench/results.ts';
import { byId, create } from '../../shared/dom.ts';
import { formatSeconds } from '../units.ts';
import { linearAxis, watchSize } from './axes.ts';
import { cssColor, seriesColor } from './colors.ts';

export class CurvePlots {
  readonly #plots = [new CurvePlot(byId('curves-decode')), new CurvePlot(byId('curves-prefill'))];

  show(curves: CostCurves | undefined): void {
    for (const [index, plot] of this.#plots.entries()) plot.show(curves ? [curves.decode, curves.prefill][index]! : []);
    byId('curves-legend').replaceChildren(
      ...(curves?.decode ?? []).map(({ name }, index) => {
        const dot = create('i');
        dot.style.background = `var(${seriesColor(index)})`;
        return create('li', {}, dot, name);
      }),
    );
  }

  redraw(): void {
    for (const plot of this.#plots) plot.redraw();
  }
}

class CurvePlot {
  readonly #place: HTMLElement;
  #plot: uPlot | undefined;
  #curves: readonly CostCurve[] = [];

  constructor(place: HTMLElement) {
    this.#place = place;
    watchSize(place, (width, height) => {
      if (this.#plot) this.#plot.setSize({ width, height });
      else this.redraw();
    });
  }

  show(curves: readonly CostCurve[]): void {
    this.#curves = curves;
    this.redraw();
  }

  redraw(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    const { clientWidth: width, clientHeight: height } = this.#place;
    if (this.#curves.length === 0 || width === 0) return;
    this.#plot = new uPlot(
      {
        width,
        height,
        legend: { show: false },
        cursor: { show: false },
        padding: [12, 12, 0, 0],
        scales: { x: { time: false }, y: { range: (_plot, _least, most) => [0, 1.05 * most] } },
        axes: [
          linearAxis('Position, tokens', (value) => value.toLocaleString('en'), 32),
          linearAxis('', formatSeconds, 64),
        ],
        series: [
          {},
          ...this.#curves.map((_, index) => ({
            stroke: cssColor(seriesColor(index)),
            width: 2,
            spanGaps: true, // curves may have been measured at positions of their own
            points: { show: false },
          })),
        ],
      },
      uPlot.join(
        this.#curves.map(({ points }) => [
          points.map(({ position }) => position),
          points.map(({ seconds }) => seconds),
        ]),
      ),
      this.#place,
    );
  }
}
