/** Whether a stored file and the one at the source are the same. */
import type { FileFacts } from '../source.ts';
import type { StoredFile } from './records.ts';

/** Whether what is stored cannot be part of the file that the source has now. */
export function differs(known: StoredFile, now: FileFacts): boolean {
  if (known.size !== now.size) return true;
  if (known.sha256 && now.sha256) return known.sha256 !== now.sha256;
  return known.version !== now.version; // one that was readable once and is not now cannot be compared
}

export function describeChange(known: StoredFile, now: FileFacts): string {
  const facts = ({ size, version, sha256 }: FileFacts) => `${size} bytes, version ${version ?? sha256 ?? 'unknown'}`;
  return `changed at the source (stored: ${facts(known)}; now: ${facts(now)})`;
}
