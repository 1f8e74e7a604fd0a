/** What is under way while weights are loaded: the bounds that source, loader and uploader keep, and what they come to. */
import { PART_BYTES, WINDOW_PARTS } from '../../storage/parts.ts';
import type { BandJob, Job } from '../layout/jobs.ts';
import { PIECES_UNDER_WAY, STAGING_SLICE_BYTES, STAGING_SLICES } from './under-way.ts';

/** Bands of this size keep the GPU busy and the staging small. */
const BAND_BYTES = 4 << 20;
/** What a band may have where its least rows are more. */
export const MAX_BAND_BYTES = 64 << 20;

/** Rows of a band: as many whole steps as the size allows, at least one. */
export function bandRows({ rowBytes, rowStep }: Pick<BandJob, 'rowBytes' | 'rowStep'>): number {
  return Math.max(1, Math.floor(BAND_BYTES / (rowBytes * rowStep))) * rowStep;
}

export interface Staging {
  /** Bytes of JavaScript buffers, of both threads together: parts in flight, pieces on their way, one being uploaded. */
  readonly heap: number;
  /** Bytes of GPU buffers beside the weights. */
  readonly queue: number;
}

/** The most that carrying out these jobs holds at a time. */
export function stagingOf(jobs: readonly Job[]): Staging {
  const band = jobs.reduce((most, job) => Math.max(most, job.kind === 'band' ? bandBytes(job) : 0), 0);
  const whole = jobs.reduce((most, job) => Math.max(most, job.kind === 'whole' ? wholeBytes(job) : 0), 0);
  // A band is filled while the one before it travels.
  const heap = (WINDOW_PARTS + PIECES_UNDER_WAY + 1) * PART_BYTES + 2 * Math.max(band, whole);
  return { heap, queue: STAGING_SLICES * STAGING_SLICE_BYTES + band };
}

function bandBytes(job: BandJob): number {
  return Math.min(bandRows(job) * job.rowBytes, job.end - job.start);
}

/** What it was, or what it becomes. */
function wholeBytes({ tensor, targets }: Extract<Job, { kind: 'whole' }>): number {
  return Math.max(tensor.end - tensor.start, ...targets.map(({ end }) => end));
}
