/** `monitor`: how far loading is, as events. */
import type { CreateMonitor, DownloadProgressEvent, LanguageModelCreateOptions } from './types.ts';

class Monitor extends EventTarget implements CreateMonitor {
  ondownloadprogress: CreateMonitor['ondownloadprogress'] = null;

  report(loaded: number): void {
    const fields = { loaded, total: 1 as const, lengthComputable: true };
    const event: DownloadProgressEvent = Object.assign(new Event('downloadprogress'), fields);
    this.ondownloadprogress?.(event);
    this.dispatchEvent(event);
  }
}

/**
 * Calls back with a monitor.
 * @returns takes shares, 0..1; the first event is 0 and none goes back
 */
export function createMonitor(callback: LanguageModelCreateOptions['monitor']): (share: number) => void {
  if (!callback) return () => {};
  const monitor = new Monitor();
  callback(monitor);
  let last = -1;
  return (share) => {
    if (last < 0 && share > 0) monitor.report(0);
    if (share > last) monitor.report(share);
    last = Math.max(last, share);
  };
}
