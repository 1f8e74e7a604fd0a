/** What the cache tells besides errors: nothing that it does on its own is silent. */
export interface CacheNotice {
  /**
   * - `changed`: the source has another version of a file; what was stored of the old one is dropped and fetched anew
   * - `damaged`: parts on disk are not what was stored (or are gone); they are fetched again
   * - `replaced`: parts had been received wrong, and are right now; whoever used them must load them again
   * - `uncached`: the disk is full, and the caller asked to go on without storing
   * - `shared`: a file came from, or could not be offered to, the storage that origins share
   */
  readonly kind: 'changed' | 'damaged' | 'replaced' | 'uncached' | 'shared';
  readonly message: string;
  readonly path?: string | undefined;
  /** Indices of parts. */
  readonly parts?: readonly number[] | undefined;
}

export type OnNotice = (notice: CacheNotice) => void;

/** `parts 3, 4 (bytes 25165824-41943040)`, at most eight by name. */
export function nameParts(parts: readonly number[], partBytes: number, size: number): string {
  const named = parts.slice(0, 8).map((i) => {
    const start = i * partBytes;
    return `${i} (bytes ${start}-${Math.min(start + partBytes, size) - 1})`;
  });
  const more = parts.length > 8 ? ` and ${parts.length - 8} more` : '';
  return `part${parts.length === 1 ? '' : 's'} ${named.join(', ')}${more}`;
}
