/** What goes on with a model, in words. Pure. */
import { formatBytes } from '../../shared/format.ts';

/** What these words need of the engine's progress. */
export interface ProgressFacts {
  readonly phase: string;
  readonly text: string;
  /** Bytes of this phase. */
  readonly loaded: number;
  readonly total: number;
  readonly bytesPerSecond: number;
  readonly secondsLeft?: number | undefined;
}

/** `2.1 of 54.0 GB`, `950 MB of 54.0 GB`. */
export function formatBytesOf(loaded: number, total: number): string {
  const [part, whole] = [formatBytes(loaded), formatBytes(total)];
  const unit = whole.slice(whole.indexOf(' '));
  return `${part.endsWith(unit) ? part.slice(0, -unit.length) : part} of ${whole}`;
}

/** A time to wait, no more exact than it is known: `40 s`, `12 min`, `3 h 20 min`, `2 days`. */
export function formatWait(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const tens = Math.round(minutes / 10);
  if (tens < 6 * 24) return `${Math.floor(tens / 6)} h${tens % 6 ? ` ${(tens % 6) * 10} min` : ''}`;
  return `${Math.round(tens / 6 / 24)} day${tens < 6 * 36 ? '' : 's'}`;
}

/** One line: what is being done, how far it is, how fast, how long it still takes. */
export function describeProgress({ phase, text, loaded, total, bytesPerSecond, secondsLeft }: ProgressFacts): string {
  if (total === 0 || phase === 'pipelines') return text; // the latter counts no bytes
  if (text.endsWith('.')) return `${formatBytesOf(loaded, total)}. ${text}`; // nothing moves, and this is why
  const rate = bytesPerSecond > 0 && loaded < total ? ` at ${formatBytes(bytesPerSecond)}/s` : '';
  const isLong = secondsLeft !== undefined && Number.isFinite(secondsLeft) && secondsLeft >= 2;
  return `${text}: ${formatBytesOf(loaded, total)}${rate}${isLong ? `, ${formatWait(secondsLeft)} left` : ''}`;
}

/** Whether leaving the page now would interrupt a download: weights of a model that is not all on this machine. */
export function isDownloading(progress: ProgressFacts | undefined): boolean {
  return (progress?.phase === 'weights' || progress?.phase === 'download') && progress.loaded < progress.total;
}
