/**
 * What each fault must end in. `equal`: the model is loaded, and every byte on its way to the GPU is the right one. A code:
 * the try fails with it. `killed`: there is nobody left to say anything. After every fault the next try must end equal, and
 * may download no more than was missing, one part per connection, and what `again` says; after that, none is downloaded.
 */
import type { ErrorCode } from '../../src/errors.ts';

export type Outcome = 'equal' | 'killed' | ErrorCode;

export interface Row {
  readonly fault: string;
  /** Under Node: HTTP and the cache over a disk in memory. In a browser: OPFS, workers, tabs, a GPU, an answer. */
  readonly where: 'node' | 'browser';
  /** `hub`: a source that gives SHA-256; `url`: one with ETags. */
  readonly sources: readonly ('url' | 'hub')[];
  /** What earlier loads have stored when the fault comes. */
  readonly stored: readonly ('nothing' | 'some' | 'all')[];
  /** The try that the fault happens to ends in one of these. */
  readonly outcome: readonly Outcome[];
  /** What of the model may be downloaded a second time, beside a part per connection. */
  readonly again: 'nothing' | 'what was lost' | 'the file' | 'the model';
  /** Whether it is also tried together with another one. */
  readonly mixes: boolean;
}

const any = { sources: ['url', 'hub'], stored: ['nothing', 'some'] } as const;
const transient = { where: 'node', ...any, outcome: ['equal'], again: 'nothing', mixes: true } as const;
const fatal = { where: 'node', ...any, again: 'nothing', mixes: true } as const;
const onDisk = { ...transient, stored: ['some', 'all'], again: 'what was lost' } as const;
const browser = { where: 'browser', sources: ['url'], again: 'nothing', mixes: false } as const;

export const NODE_ROWS = [
  { ...transient, fault: 'connection dropped in a part' },
  { ...transient, fault: 'connection reset before the answer' },
  { ...transient, fault: 'status 500, 502, 503, 504 or 429' },
  { ...transient, fault: 'slow' },
  { ...transient, fault: 'stalled' },
  { ...transient, fault: 'answer too short' },
  { ...transient, fault: 'answer too long' },
  { ...transient, fault: 'answer from another place' },
  { ...transient, fault: 'network lost for a while' },
  { ...transient, fault: 'bit flipped in flight', sources: ['hub'], again: 'the file' },
  { ...transient, fault: 'two tabs', mixes: false },
  { ...transient, fault: 'two tabs, the one that downloads killed', mixes: false },
  { ...onDisk, fault: 'bit flipped on disk' },
  { ...onDisk, fault: 'a file evicted' },
  { ...onDisk, fault: 'everything evicted', again: 'the model' },
  { ...onDisk, fault: 'bit flipped in the journal', outcome: ['equal', 'storage_failed'], again: 'the model' },
  { ...transient, fault: 'disk full, going on without it', again: 'what was lost', mixes: false },
  { ...fatal, fault: 'disk full', outcome: ['storage_full'] },
  { ...fatal, fault: 'everything evicted while loading', outcome: ['storage_failed'], again: 'the model' },
  { ...fatal, fault: 'server gone', outcome: ['network_error'] },
  { ...fatal, fault: 'access taken away', outcome: ['access_denied'] },
  { ...fatal, fault: 'new upload (ETag changed)', sources: ['url'], outcome: ['source_changed'], again: 'the model' },
  { ...fatal, fault: 'one answer of another version', sources: ['url'], outcome: ['source_changed'] },
  {
    ...fatal,
    fault: 'other file than the hash promises',
    sources: ['hub'],
    stored: ['nothing'],
    outcome: ['checksum_mismatch'],
    again: 'the file',
  },
  { ...fatal, fault: 'loader killed', outcome: ['killed'] },
  { ...fatal, fault: 'cancelled', outcome: ['aborted'] },
] as const satisfies readonly Row[];

export const BROWSER_ROWS = [
  { ...browser, fault: 'loader worker killed', stored: ['nothing'], outcome: ['worker_failed'] },
  { ...browser, fault: 'tab closed', stored: ['nothing'], outcome: ['killed'] },
  { ...browser, fault: 'bit flipped in OPFS', stored: ['all'], outcome: ['equal'], again: 'what was lost' },
  { ...browser, fault: 'quota exceeded', stored: ['nothing'], outcome: ['storage_full'] },
  {
    ...browser,
    fault: 'OPFS cleared while loading',
    stored: ['nothing'],
    outcome: ['equal', 'storage_failed'],
    again: 'the model',
  },
  { ...browser, fault: 'two tabs at once', stored: ['nothing'], outcome: ['equal'] },
  { ...browser, fault: 'network lost and back', stored: ['nothing'], outcome: ['equal'] },
] as const satisfies readonly Row[];

export type NodeFaultName = (typeof NODE_ROWS)[number]['fault'];
export type BrowserFaultName = (typeof BROWSER_ROWS)[number]['fault'];
