/** The expert panel: feeds the routing table, redraws by frames, and answers the pointer and the keyboard. */
import { byId, create } from '../../shared/dom.ts';
import { formatBytes, formatCount } from '../../shared/format.ts';
import { readJson, writeJson } from '../../shared/storage.ts';
import type { Routes } from '../conversations/answer.ts';
import {
  type Cell,
  type Column,
  drawHead,
  drawRows,
  type Geometry,
  measure,
  numberHeight,
  prepare,
  rowHeight,
  visible,
} from './grid.ts';
import { tableOf } from './recorder.ts';
import { RoutingTable, type TokenRoute } from './table.ts';

const openKey = 'outrider.experts';
const wide = '(min-width: 62rem)'; // from here on the panel stands beside the text, and open unless closed by hand

export class ExpertPanel {
  readonly #panel = byId('experts');
  readonly #head = byId<HTMLCanvasElement>('experts-head');
  readonly #scroll = byId('experts-scroll');
  readonly #space = this.#scroll.firstElementChild as HTMLElement;
  readonly #canvas = this.#space.firstElementChild as HTMLCanvasElement;
  readonly #readout = byId('experts-readout');
  readonly #text = byId<HTMLDetailsElement>('experts-text');
  #columns: readonly Column[] = [];
  #table = new RoutingTable(0, 0);
  /** What the readout says of an answer without tokens, and behind the number of those of another. */
  #empty = '';
  #kept = '';
  #current: Cell | undefined;
  #follows = true;
  #frame = 0;

  constructor() {
    byId('experts-toggle').addEventListener('click', () => this.toggle());
    byId('experts-close').addEventListener('click', () => {
      this.toggle();
      byId('experts-toggle').focus();
    });
    this.#scroll.addEventListener('scroll', () => this.#onScroll(), { passive: true });
    this.#scroll.addEventListener('pointermove', (event) => this.#point(this.#cellAt(event), 'off'));
    this.#scroll.addEventListener('pointerleave', () => this.#point(undefined, 'off'));
    this.#scroll.addEventListener('keydown', (event) => this.#onKey(event));
    this.#head.addEventListener('pointermove', (event) => this.#pointHead(event));
    this.#head.addEventListener('pointerleave', () => this.#point(undefined, 'off'));
    // A lost GPU takes the pictures along; the browser brings the canvases back empty.
    for (const canvas of [this.#head, this.#canvas]) canvas.addEventListener('contextrestored', () => this.redraw());
    this.#text.addEventListener('toggle', () => this.settle());
    new ResizeObserver(() => this.redraw()).observe(this.#scroll);
    this.#show(matchMedia(wide).matches ? readJson('localStorage', openKey) !== false : false);
  }

  /** Opens or closes the panel, and remembers it. */
  toggle(): void {
    this.#show(this.#panel.hidden !== false);
    writeJson('localStorage', openKey, !this.#panel.hidden);
  }

  #show(open: boolean): void {
    this.#panel.hidden = !open;
    byId('experts-toggle').setAttribute('aria-expanded', String(open));
    this.redraw();
  }

  /** Opens the panel, for an answer whose button was pressed. */
  open(): void {
    if (this.#panel.hidden) this.toggle();
  }

  /** Empties the grid for an answer of this model: one column per MoE layer. A model without experts gets a note and no grid. */
  begin(columns: readonly Column[], numLocalExperts: number): void {
    this.#empty = 'Routes appear here with the next answer.';
    this.#use(columns, numLocalExperts, new RoutingTable(columns.length, numLocalExperts));
  }

  /** Shows an answer that is finished. */
  show(routes: Routes): void {
    const kept = ` Kept in ${formatBytes(routes.experts.length + routes.texts.join('').length)}.`;
    this.#use(routes.layers, routes.numExperts, tableOf(routes), kept);
    this.#follows = false;
    this.#scroll.scrollTop = 0;
    this.settle();
  }

  /** There are no routes of the answer in question: it is of a time before this page kept them, or was broken off. */
  showNone(): void {
    this.clear('The routes of this answer were not kept.');
  }

  /** Empties the grid. @param why what the readout says instead */
  clear(why = ''): void {
    this.#table = new RoutingTable(this.#columns.length, this.#table.counts[0]?.length ?? 0);
    this.#empty = why;
    this.#kept = '';
    this.#point(undefined, 'off');
    this.settle();
  }

  #use(columns: readonly Column[], numLocalExperts: number, table: RoutingTable, kept = ''): void {
    this.#columns = columns;
    this.#table = table;
    this.#kept = kept;
    this.#follows = true;
    byId('experts-grid').hidden = columns.length === 0;
    this.#text.hidden = columns.length === 0;
    byId('experts-note').textContent =
      columns.length === 0
        ? 'This model is dense: every token takes the same way.'
        : `Each row is a token, each column a layer, each colour one of ${numLocalExperts} experts. Underlined layers see the whole text; the others a chunk of it.`;
    this.#point(undefined, 'off');
  }

  /** Adds the next token's route. */
  add(route: TokenRoute): void {
    this.#table.add(route);
    this.redraw();
  }

  /** An answer ended: brings the text alternative up to date. Not per token, someone may be reading it. */
  settle(): void {
    if (this.#text.open) this.#writeTable();
  }

  /** Draws in the next frame; costs nothing while the panel is closed. */
  redraw(): void {
    if (this.#panel.hidden) return;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw(): void {
    if (this.#panel.hidden || this.#columns.length === 0) return;
    const { clientWidth: width, clientHeight: height } = this.#scroll;
    this.#space.style.height = `${Math.max(height, this.#table.lines.length * rowHeight)}px`;
    if (this.#follows) this.#scroll.scrollTop = this.#scroll.scrollHeight;
    const geometry = this.#geometry();
    const { color: ink, fontFamily } = getComputedStyle(this.#scroll);
    const look = { ink, font: `11px ${fontFamily}`, mono: '12px ui-monospace, Menlo, Consolas, monospace' };
    drawHead(prepare(this.#head, width, geometry.usage + numberHeight), geometry, this.#columns, this.#table, look);
    drawRows(prepare(this.#canvas, width, height), geometry, this.#table, {
      top: this.#scroll.scrollTop,
      height,
      current: this.#current,
      look,
    });
    if (!this.#current) this.#readout.textContent = this.#summary();
  }

  #summary(): string {
    const { numTokens } = this.#table;
    if (this.#columns.length === 0) return '';
    if (numTokens === 0) return this.#empty;
    return `${formatCount(numTokens, 'token')} of this answer.${this.#kept} Point at a cell, or focus the grid and use the arrow keys.`;
  }

  #onScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    this.#follows = scrollHeight - scrollTop - clientHeight < rowHeight;
    this.redraw();
  }

  /** Sets the cell in question and tells about it; `live`: only the keyboard's moves are spoken. */
  #point(cell: Cell | undefined, live: 'off' | 'polite'): void {
    this.#current = cell;
    this.#readout.ariaLive = live;
    const line = cell && this.#table.lines[cell.line];
    const column = cell && this.#columns[cell.column];
    this.#readout.textContent =
      line && column && !('skipped' in line)
        ? `“${visible(line.text)}” took expert ${line.experts[cell.column]} in ${describeLayer(column)}.`
        : this.#summary();
    this.redraw();
  }

  #pointHead(event: PointerEvent): void {
    const column = this.#columnAt(event.offsetX);
    const counts = this.#table.counts[column];
    const { numTokens } = this.#table;
    if (!counts || numTokens === 0) return;
    const { usage } = this.#geometry();
    let rest = (1 - event.offsetY / usage) * numTokens;
    const expert = counts.findIndex((count) => {
      rest -= count;
      return rest < 0;
    });
    if (expert < 0 || event.offsetY > usage) {
      this.#point(undefined, 'off');
      return;
    }
    const share = formatShare(counts[expert]!, numTokens);
    this.#readout.textContent = `Expert ${expert} took ${share} of ${formatCount(numTokens, 'token')} in ${describeLayer(this.#columns[column]!)}.`;
  }

  #columnAt(x: number): number {
    const { label, cell } = this.#geometry();
    return Math.floor((x - label) / cell);
  }

  #geometry(): Geometry {
    return measure(this.#scroll.clientWidth, this.#columns.length, matchMedia(wide).matches ? 64 : 28);
  }

  #cellAt(event: PointerEvent): Cell | undefined {
    const line = Math.floor((event.clientY - this.#space.getBoundingClientRect().top) / rowHeight);
    const column = this.#columnAt(event.clientX - this.#space.getBoundingClientRect().left);
    const found = this.#table.lines[line];
    if (!found || 'skipped' in found || column < 0 || column >= this.#columns.length) return undefined;
    return { line, column };
  }

  #onKey(event: KeyboardEvent): void {
    const { lines } = this.#table;
    const from = this.#current ?? { line: lines.length, column: 0 };
    const toLine = (start: number, step: 1 | -1): Cell | undefined => {
      let line = start;
      while (lines[line] && 'skipped' in lines[line]!) line += step;
      return lines[line] ? { ...from, line } : this.#current;
    };
    const moves: Record<string, () => Cell | undefined> = {
      ArrowUp: () => toLine(from.line - 1, -1),
      ArrowDown: () => toLine(from.line + 1, 1),
      ArrowLeft: () => ({ ...from, column: Math.max(0, from.column - 1) }),
      ArrowRight: () => ({ ...from, column: Math.min(this.#columns.length - 1, from.column + 1) }),
      Home: () => toLine(0, 1),
      End: () => toLine(lines.length - 1, -1),
    };
    const move = moves[event.key] && !this.#current && event.key !== 'Home' ? moves.End : moves[event.key];
    if (!move || lines.length === 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const cell = move();
    if (!cell) return;
    const top = cell.line * rowHeight;
    const { scrollTop, clientHeight } = this.#scroll;
    if (top < scrollTop) this.#scroll.scrollTop = top;
    else if (top + rowHeight > scrollTop + clientHeight) this.#scroll.scrollTop = top + rowHeight - clientHeight;
    this.#point(cell, 'polite');
  }

  #writeTable(): void {
    const { counts, numTokens } = this.#table;
    const rows = this.#columns.map((column, index) => {
      const used = [...counts[index]!.entries()].filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
      const shares = used.map(([expert, count]) => `${expert} (${formatShare(count, numTokens)})`).join(', ');
      return create(
        'tr',
        {},
        create('th', { scope: 'row' }, describeLayer(column)),
        create('td', {}, shares || 'none yet'),
      );
    });
    const head = create(
      'tr',
      {},
      create('th', { scope: 'col' }, 'Layer'),
      create('th', { scope: 'col' }, 'Experts by use'),
    );
    this.#text.lastElementChild!.replaceChildren(
      create('table', {}, create('thead', {}, head), create('tbody', {}, ...rows)),
    );
  }
}

function describeLayer({ layer, attention, rope }: Column): string {
  return `layer ${layer} (${attention} attention, ${rope ? 'RoPE' : 'NoPE'})`;
}

function formatShare(count: number, total: number): string {
  return `${Math.round((100 * count) / total)} %`;
}
