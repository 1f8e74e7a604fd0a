/** Tables as data: the page draws them, Markdown prints them. Pure. */
import type { Ratio } from '../comparison.ts';

export interface Table {
  /** Also the id of the section that shows it. */
  readonly id: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** Under the table: what the figures mean. */
  readonly note?: string | undefined;
}

export type Row = readonly Cell[];

/** A figure with what belongs to it. */
export interface Cell {
  readonly text: string;
  /** A second line. */
  readonly detail?: string | undefined;
  /** 0 .. 1: the length of a bar. */
  readonly bar?: number | undefined;
  /** Against the run that this one is compared with. */
  readonly ratio?: Ratio;
  /** Whether the arithmetic was right, where that was looked at. */
  readonly correct?: boolean | undefined;
}

/** Whether something is in it. */
export const isFilled = (table: Table | undefined): table is Table => table !== undefined && table.rows.length > 0;
