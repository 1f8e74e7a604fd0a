/** What of a request crosses into a page or stays in this process: plain data. */
import type { BenchRequest } from '../../bench/results.ts';

export interface RunSettings extends Omit<BenchRequest, 'model' | 'signal' | 'onProgress' | 'onResults'> {
  /** A path, a URL, or `hf:owner/name`; undefined: no model. */
  readonly model: string | undefined;
}

export type Say = (text: string) => void;
