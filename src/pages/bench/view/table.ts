/** Draws tables of figures. */
import { create } from '../../shared/dom.ts';
import type { Cell, Row, Table } from '../report/table.ts';
import { formatRatio } from '../units.ts';

/** Between these nobody could tell the runs apart. */
const SAME = [0.97, 1.03] as const;

/** Fills the page's place for each table, `[data-table]`, and hides the places that have none. */
export function showTables(tables: readonly Table[]): void {
  const byName = new Map(tables.map((table) => [table.id, table]));
  for (const place of document.querySelectorAll<HTMLElement>('[data-table]')) {
    const table = byName.get(place.dataset.table ?? '');
    place.hidden = !table;
    if (table) showTable(place, table);
  }
}

/** Puts the table into its place: after the heading and what explains it, before what the page has below. */
function showTable(place: HTMLElement, table: Table): void {
  const drawn = drawTable(table);
  const note = create('p', { className: 'note' }, table.note ?? '');
  note.hidden = table.note === undefined;
  const before = place.querySelector('.figures');
  if (before) {
    place.querySelector('.note')?.replaceWith(note);
    before.replaceWith(drawn);
    return;
  }
  const below = place.querySelector('details');
  if (below) below.before(drawn, note);
  else place.append(drawn, note);
}

function drawTable({ title, columns, rows }: Table): HTMLTableElement {
  const table = create('table', { className: columns.length === 2 ? 'figures pair' : 'figures', ariaLabel: title });
  const head = columns.map((name) => withRole(create('th', { scope: 'col' }, name), 'columnheader'));
  table.append(
    withRole(create('thead', {}, withRole(create('tr', {}, ...head), 'row')), 'rowgroup'),
    withRole(create('tbody', {}, ...rows.map((row) => drawRow(row, columns))), 'rowgroup'),
  );
  return withRole(table, 'table');
}

function drawRow(row: Row, columns: readonly string[]): HTMLTableRowElement {
  const nameAt = columns[0] === 'No.' ? 1 : 0;
  const cells = row.map((cell, index) => {
    const drawn = drawCell(cell);
    if (index < nameAt) drawn.classList.add('number');
    if (index === nameAt) drawn.classList.add('name');
    return drawn;
  });
  return withRole(create('tr', {}, ...cells), 'row');
}

function drawCell({ text, detail, bar, ratio, correct }: Cell): HTMLTableCellElement {
  const cell = create('td', {}, text);
  if (correct !== undefined) cell.append(drawMark(correct));
  if (ratio !== undefined) cell.append(drawRatio(ratio));
  if (detail !== undefined) cell.append(create('span', { className: 'detail' }, detail));
  if (bar !== undefined) {
    cell.classList.add('barred');
    cell.append(drawBar(bar));
  }
  return withRole(cell, 'cell');
}

function drawBar(length: number): HTMLElement {
  const fill = create('span', { className: 'bar-fill' });
  fill.style.inlineSize = `${100 * Math.min(1, Math.max(0, length))}%`; // through the CSSOM: the policy has no inline styles
  return create('span', { className: 'bar-track', ariaHidden: 'true' }, fill);
}

/** How many times as fast as in the other run. */
export function drawRatio(ratio: number): HTMLElement {
  const pace = ratio < SAME[0] ? ' slower' : ratio > SAME[1] ? ' faster' : '';
  return create(
    'span',
    { className: `ratio${pace}`, title: 'Against the other run; above 1 is faster here' },
    formatRatio(ratio),
  );
}

function drawMark(correct: boolean): HTMLElement {
  return correct
    ? create('span', { className: 'mark' }, '✓', create('span', { className: 'visually-hidden' }, ' right'))
    : create('span', { className: 'mark wrong' }, '✗ wrong');
}

/** What CSS makes of tables on a phone would take their roles away. */
function withRole<T extends HTMLElement>(element: T, role: string): T {
  element.setAttribute('role', role);
  return element;
}
