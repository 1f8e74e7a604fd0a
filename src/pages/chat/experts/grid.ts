/** Draws the routing table on two canvases: use per layer above, tokens x layers below. Only what is in view. */
import type { RoutedLayer } from '../conversations/answer.ts';
import { expertColor, inkOn } from './colors.ts';
import type { Line, RoutingTable } from './table.ts';

/** What a column stands for. */
export type Column = RoutedLayer;

/** A cell: an index into the table's lines and into the columns. */
export interface Cell {
  readonly line: number;
  readonly column: number;
}

/** Where things are, in CSS pixels. */
export interface Geometry {
  readonly width: number;
  /** Width of the token's text at the start of a row. */
  readonly label: number;
  readonly cell: number;
  /** Height of the columns that show how often each expert was taken. */
  readonly usage: number;
}

export const rowHeight = 20;
/** Height of the layers' numbers, below the columns of use. */
export const numberHeight = 22;

/** Splits the width between the text and the columns. Many layers squeeze the text down to 64 px first. */
export function measure(width: number, numColumns: number, usage: number): Geometry {
  const columns = Math.max(1, numColumns);
  const label = Math.max(64, Math.min(128, width * 0.34, width - columns * 6));
  const cell = Math.max(2, Math.floor((width - label) / columns));
  return { width, label: width - cell * columns, cell, usage };
}

/** The canvas' 2D context, cleared and scaled to device pixels. */
export function prepare(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const scale = window.devicePixelRatio;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d')!;
  context.scale(scale, scale);
  return context;
}

/** Fonts and ink from the page's own style, so that the canvas follows the theme. */
export interface Look {
  readonly ink: string;
  readonly font: string;
  readonly mono: string;
}

/** Draws the head: per column a stack of shares, in the order of the experts' numbers. */
export function drawHead(
  context: CanvasRenderingContext2D,
  { width, label, cell, usage }: Geometry,
  columns: readonly Column[],
  { counts, numTokens }: RoutingTable,
  { ink, font }: Look,
): void {
  const gap = cell >= 10 ? 2 : 0;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  for (const [index, { layer, attention }] of columns.entries()) {
    const x = label + index * cell;
    let y = usage;
    context.globalAlpha = 0.08;
    context.fillStyle = ink;
    context.fillRect(x, 0, cell - gap, usage);
    context.globalAlpha = 1;
    for (const [expert, count] of counts[index]!.entries()) {
      const height = numTokens === 0 ? 0 : (usage * count) / numTokens;
      y -= height;
      context.fillStyle = expertColor(expert, counts[index]!.length);
      context.fillRect(x, y, cell - gap, height);
    }
    context.fillStyle = ink;
    if (attention === 'global') context.fillRect(x, usage + numberHeight - 3, cell - gap, 2);
    context.globalAlpha = attention === 'global' ? 1 : 0.65;
    context.font = font;
    if (cell >= 16 || (attention === 'global' && layer % 8 === 7)) {
      const inset = context.measureText(String(layer)).width / 2;
      context.fillText(String(layer), Math.min(x + (cell - gap) / 2, width - inset), usage + 10);
    }
  }
  context.globalAlpha = 0.65;
  context.textAlign = 'start';
  context.font = font;
  context.fillText('layer', 0, usage + 10);
  context.fillText('use', 0, usage / 2);
  context.globalAlpha = 1;
}

/** Draws the rows between `top` and `top + height`, with the cell under the pointer or the keyboard's focus framed. */
export function drawRows(
  context: CanvasRenderingContext2D,
  geometry: Geometry,
  table: RoutingTable,
  { top, height, current, look }: { top: number; height: number; current: Cell | undefined; look: Look },
): void {
  context.textBaseline = 'middle';
  const first = Math.floor(top / rowHeight);
  const end = Math.min(table.lines.length, Math.ceil((top + height) / rowHeight));
  for (let line = first; line < end; line++) {
    const y = line * rowHeight - top;
    if (current?.line === line) {
      context.globalAlpha = 0.1;
      context.fillStyle = look.ink;
      context.fillRect(0, y, geometry.width, rowHeight);
      context.globalAlpha = 1;
    }
    drawLine(context, geometry, table.lines[line]!, y, table.counts[0]?.length ?? 0, look);
  }
  if (current) {
    const gap = geometry.cell >= 10 ? 2 : 0;
    const x = geometry.label + current.column * geometry.cell;
    context.strokeStyle = look.ink;
    context.lineWidth = 2;
    context.strokeRect(x, current.line * rowHeight - top, geometry.cell - gap, rowHeight - 1);
  }
}

function drawLine(
  context: CanvasRenderingContext2D,
  { width, label, cell }: Geometry,
  line: Line,
  y: number,
  numExperts: number,
  { ink, font, mono }: Look,
): void {
  const middle = y + rowHeight / 2;
  context.textAlign = 'start';
  context.fillStyle = ink;
  if ('skipped' in line) {
    context.globalAlpha = 0.6;
    context.font = font;
    context.fillText(`${line.skipped.toLocaleString('en')} prompt tokens`, 0, middle, width);
    context.globalAlpha = 1;
    return;
  }
  context.save();
  context.beginPath();
  context.rect(0, y, label - 6, rowHeight);
  context.clip();
  context.font = mono;
  context.fillText(visible(line.text), 0, middle);
  context.restore();
  const gap = cell >= 10 ? 2 : 0;
  context.font = font;
  context.textAlign = 'center';
  for (let column = 0; column < line.experts.length; column++) {
    const expert = line.experts[column]!;
    const x = label + column * cell;
    context.fillStyle = expertColor(expert, numExperts);
    context.fillRect(x, y + 1, cell - gap, rowHeight - 2);
    if (cell < 18) continue;
    context.fillStyle = inkOn(expert, numExperts);
    context.fillText(String(expert), x + (cell - gap) / 2, middle + 0.5);
  }
}

/** A token's text with its white space shown: it is part of the token. */
export function visible(text: string): string {
  return text.replaceAll('\n', '↵').replaceAll(' ', '·').replaceAll('\t', '→');
}
