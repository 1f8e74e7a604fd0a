/** The roofline plot: operations per second against operations per byte, two roofs, one numbered point per kernel. */
import uPlot from 'uplot';
import type { KernelResult, Roofline } from '../../../bench/results.ts';
import { byId, create } from '../../shared/dom.ts';
import { attainable, boundBy, intensityOf } from '../roof.ts';
import { formatIntensity, formatScaled, formatShare } from '../units.ts';
import { logAxis, watchSize } from './axes.ts';
import { cssColor, seriesColor } from './colors.ts';
import { placeLabels } from './labels.ts';

const RADIUS = 5; // CSS px
/** A pointer this near to a point means it; CSS px. */
const REACH = 24;

/** Kinds of kernels, by how their names begin; what fits none comes last. */
const KINDS = [
  ['matvec', 'matrix times vector'],
  ['matmul', 'matrix times matrix'],
  ['attention', 'attention'],
  ['', 'other'],
] as const;

const kindOf = ({ kernel }: KernelResult): number => KINDS.findIndex(([prefix]) => kernel.startsWith(prefix));

interface Point {
  /** In the list of kernels. */
  readonly index: number;
  readonly kernel: KernelResult;
  readonly x: number;
  readonly y: number;
}

export class RooflinePlot {
  readonly #place = byId('roofline-plot');
  readonly #readout = byId('roofline-readout');
  #plot: uPlot | undefined;
  #roofline: Roofline | undefined;
  #points: readonly Point[] = [];
  #chosen: Point | undefined;

  constructor() {
    watchSize(this.#place, (width, height) => {
      if (this.#plot) this.#plot.setSize({ width, height });
      else this.redraw();
    });
    this.#place.addEventListener('pointermove', (event) => this.#onPointer(event));
    this.#place.addEventListener('pointerdown', (event) => this.#onPointer(event));
    this.#place.addEventListener('keydown', (event) => this.#onKey(event));
    this.#place.addEventListener('blur', () => this.#choose(undefined));
  }

  /** Kernels that move no bytes have no place in the plot. */
  show(roofline: Roofline | undefined, kernels: readonly KernelResult[]): void {
    byId('roofline').hidden = !roofline;
    const points = kernels.map((kernel, index) => ({
      index,
      kernel,
      x: intensityOf(kernel),
      y: kernel.flops / kernel.seconds,
    }));
    this.#roofline = roofline;
    this.#points = points.filter(({ x, y }) => Number.isFinite(x) && x > 0 && y > 0);
    this.#chosen = this.#points.find(({ index }) => index === this.#chosen?.index);
    showLegend(this.#points);
    this.redraw();
    this.#tell();
  }

  /** Draws anew: other data, or other colours. */
  redraw(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    const { clientWidth: width, clientHeight: height } = this.#place;
    if (!this.#roofline || width === 0) return;
    const { xs, ys, yRange } = extent(this.#roofline, this.#points);
    this.#plot = new uPlot(
      {
        width,
        height,
        legend: { show: false },
        cursor: { show: false },
        padding: [12, 20, 0, 0],
        scales: {
          x: { time: false, distr: 3, range: [xs[0]!, xs.at(-1)!] },
          y: { distr: 3, range: yRange },
        },
        axes: [logAxis('Operations per byte', 32), logAxis('Operations per second', 58)],
        series: [{}, { stroke: cssColor('--ink'), width: 1.5, points: { show: false } }],
        hooks: { draw: [(plot) => this.#drawPoints(plot)] },
      },
      [xs, ys],
      this.#place,
    );
  }

  #drawPoints(plot: uPlot): void {
    const { ctx } = plot;
    const scale = devicePixelRatio;
    const at = this.#points.map(({ x, y }) => ({ x: plot.valToPos(x, 'x', true), y: plot.valToPos(y, 'y', true) }));
    const labels = placeLabels(at, (RADIUS + 8) * scale);
    ctx.save();
    ctx.font = `600 ${11 * scale}px ${getComputedStyle(document.body).fontFamily}`;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    ctx.lineWidth = 2 * scale;
    // The chosen one last, so that nothing covers it.
    const order = [...this.#points.entries()].sort(
      ([, a], [, b]) => Number(a === this.#chosen) - Number(b === this.#chosen),
    );
    for (const [nth, point] of order) {
      const color = cssColor(seriesColor(kindOf(point.kernel)));
      drawPoint(ctx, at[nth]!, color, point, point === this.#chosen ? 1.6 * scale : scale);
      ctx.fillStyle = cssColor(point === this.#chosen ? '--ink' : '--soft');
      ctx.fillText(String(point.index + 1), labels[nth]!.x, labels[nth]!.y);
    }
    ctx.restore();
  }

  #onPointer({ clientX, clientY }: PointerEvent): void {
    const plot = this.#plot;
    if (!plot) return;
    const box = plot.over.getBoundingClientRect();
    const near = this.#points
      .map((point) => {
        const dx = plot.valToPos(point.x, 'x') - (clientX - box.left);
        const dy = plot.valToPos(point.y, 'y') - (clientY - box.top);
        return { point, distance: Math.hypot(dx, dy) };
      })
      .filter(({ distance }) => distance < REACH)
      .sort((a, b) => a.distance - b.distance)[0];
    if (near) this.#choose(near.point);
  }

  #onKey(event: KeyboardEvent): void {
    const at = this.#chosen ? this.#points.indexOf(this.#chosen) : -1;
    const last = this.#points.length - 1;
    const next = { ArrowRight: at + 1, ArrowLeft: at < 0 ? last : at - 1, Home: 0, End: last }[event.key];
    if (next === undefined || last < 0) return;
    event.preventDefault();
    this.#choose(this.#points[Math.min(last, Math.max(0, next))]);
  }

  #choose(point: Point | undefined): void {
    if (point === this.#chosen) return;
    this.#chosen = point;
    this.#plot?.redraw(false);
    this.#tell();
  }

  #tell(): void {
    const point = this.#chosen;
    this.#readout.textContent =
      point && this.#roofline
        ? describe(point, this.#roofline)
        : this.#points.length > 0
          ? 'Point at a kernel, or walk through them with the arrow keys.'
          : '';
  }
}

function describe({ index, kernel, y }: Point, roofline: Roofline): string {
  const { flops, bytes, share, correct } = kernel;
  const bytesRate = formatScaled(bytes / kernel.seconds, 'B/s');
  return [
    `${index + 1}. ${kernel.kernel}: ${kernel.case} (${kernel.variant})`,
    `${formatIntensity(flops, bytes)}, ${formatScaled(y, 'FLOP/s')}, ${bytesRate}`,
    `${formatShare(share)} of what ${boundBy(roofline, kernel)} allows${correct ? '' : ', wrong result'}`,
  ].join(' · ');
}

/** A disc where the kernel computed right, a cross where not. */
function drawPoint(
  ctx: CanvasRenderingContext2D,
  { x, y }: { x: number; y: number },
  color: string,
  { kernel }: Point,
  scale: number,
): void {
  const radius = RADIUS * scale;
  ctx.beginPath();
  if (kernel.correct) {
    ctx.arc(x, y, radius, 0, 2 * Math.PI);
    ctx.fillStyle = color;
    ctx.fill();
    ctx.strokeStyle = cssColor('--paper');
  } else {
    for (const side of [-1, 1]) {
      ctx.moveTo(x - radius, y - side * radius);
      ctx.lineTo(x + radius, y + side * radius);
    }
    ctx.strokeStyle = color;
  }
  ctx.stroke();
}

/** Whole decades around the ridge and all points, with the roofs' corner exactly where it is. */
function extent(
  roofline: Roofline,
  points: readonly Point[],
): { xs: number[]; ys: number[]; yRange: [number, number] } {
  const ridge = roofline.flopRate / roofline.readRate;
  const intensities = [ridge, ...points.map(({ x }) => x)];
  const floor = (value: number) => 10 ** Math.floor(Math.log10(value));
  const ceil = (value: number) => 10 ** Math.ceil(Math.log10(value));
  const left = floor(Math.min(...intensities) / 1.5);
  const right = ceil(Math.max(...intensities) * 1.5);
  const xs = [left, ridge, right];
  const ys = xs.map((x) => attainable(roofline, x));
  const lowest = Math.min(ys[0]!, ...points.map(({ y }) => y));
  return { xs, ys, yRange: [floor(lowest), ceil(roofline.flopRate * 1.2)] };
}

function showLegend(points: readonly Point[]): void {
  const present = new Set(points.map(({ kernel }) => kindOf(kernel)));
  const items = KINDS.flatMap(([, name], kind) => {
    if (!present.has(kind)) return [];
    const dot = create('i');
    dot.style.background = `var(${seriesColor(kind)})`;
    return [create('li', {}, dot, name)];
  });
  byId('roofline-legend').replaceChildren(...items);
}
