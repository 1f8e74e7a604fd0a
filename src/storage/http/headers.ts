/** What response headers say of a file. Across origins only some can be read, whatever the server sends. */

/** `bytes a-b/total`, or `bytes * /total`; parts that are not given are undefined. */
export interface ContentRange {
  readonly first?: number | undefined;
  readonly last?: number | undefined;
  readonly total?: number | undefined;
}

/** Undefined where the header is absent, hidden by CORS or of another form. */
export function contentRangeOf(headers: Headers): ContentRange | undefined {
  const match = /^bytes (?:(\d+)-(\d+)|\*)\/(?:(\d+)|\*)$/.exec(headers.get('content-range') ?? '');
  if (match === null) return undefined;
  const [first, last, total] = match.slice(1).map((text) => (text === undefined ? undefined : Number(text)));
  return { first, last, total };
}

/** Bytes of the file by Content-Length; undefined where it is absent or describes a compressed body. */
export function contentLengthOf(headers: Headers): number | undefined {
  const length = headers.get('content-length');
  return length === null || compressionOf(headers) !== undefined ? undefined : Number(length);
}

/** The name of the compression of the body, if there is one and it can be read. */
export function compressionOf(headers: Headers): string | undefined {
  const encoding = headers.get('content-encoding');
  return encoding === null || encoding === '' || encoding === 'identity' ? undefined : encoding;
}

/** What changes whenever the file does, as far as the server tells. */
export interface Validators {
  /** With its quotes, and with `W/` where it is weak. */
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
}

export function validatorsOf(headers: Headers): Validators {
  return { etag: headers.get('etag') ?? undefined, lastModified: headers.get('last-modified') ?? undefined };
}

/** The one name of a version: the ETag, weak or not, since a proxy may weaken it on the way; else Last-Modified. */
export function versionOf({ etag, lastModified }: Validators): string | undefined {
  return etag === undefined ? lastModified : opaque(etag);
}

/**
 * The two differing values where a file is not what it was; undefined where nothing readable differs. A strong ETag
 * decides alone: servers behind one name may disagree about the time. A weak one promises no equal bytes, so the time
 * must agree as well. What only one of the two responses has says nothing.
 */
export function differenceOf(before: Validators, now: Validators): { before: string; now: string } | undefined {
  if (before.etag !== undefined && now.etag !== undefined) {
    if (opaque(before.etag) !== opaque(now.etag)) return { before: before.etag, now: now.etag };
    if (!isWeak(before.etag) && !isWeak(now.etag)) return undefined;
  }
  const [a, b] = [before.lastModified, now.lastModified];
  return a === undefined || b === undefined || a === b ? undefined : { before: a, now: b };
}

const isWeak = (etag: string): boolean => etag.startsWith('W/');
const opaque = (etag: string): string => (isWeak(etag) ? etag.slice(2) : etag);
