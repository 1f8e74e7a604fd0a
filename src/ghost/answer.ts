/** The HTTP of a static file: which bytes a request is answered with, and under which headers. */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { gzipSync } from 'node:zlib';
import { filePieces } from './bytes.ts';
import type { GhostFile } from './types.ts';

export interface HeaderOptions {
  /**
   * `open`: any page may read the answer and its headers. `hidden`: any page may read the answer, and only the headers that
   * CORS always shows. `none`: no page of another origin may read anything.
   */
  readonly cors?: 'open' | 'hidden' | 'none' | undefined;
  /** Default `strong`. */
  readonly etag?: 'strong' | 'weak' | 'none' | undefined;
  /** Default true. */
  readonly lastModified?: boolean | undefined;
  /** Default true; false answers every request with the whole file. */
  readonly ranges?: boolean | undefined;
  /** gzip for JSON, where the client takes it and asks for no range. Default false. */
  readonly compress?: boolean | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  /** Bytes [start, end) of the file; empty for an answer without any. */
  readonly start: number;
  readonly end: number;
  /** Instead of the file's bytes: what they are compressed to. */
  readonly encoded?: Uint8Array | undefined;
}

const EXPOSED = 'Accept-Ranges, Content-Encoding, Content-Length, Content-Range, ETag, Last-Modified, Retry-After';
/** When revision 0 was uploaded; each further one a day later. */
const UPLOADED = Date.UTC(2025, 3, 5);
const DAY = 86_400_000;

/** What a page of another origin may do with an answer. */
export function corsHeaders({ cors = 'open' }: HeaderOptions): OutgoingHttpHeaders {
  if (cors === 'none') return {};
  const open = { 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' };
  return cors === 'open' ? { ...open, 'Access-Control-Expose-Headers': EXPOSED } : open;
}

/** To an OPTIONS request before the real one. */
export function preflightHeaders(options: HeaderOptions): OutgoingHttpHeaders {
  if (options.cors === 'none') return {};
  return {
    ...corsHeaders(options),
    'Access-Control-Allow-Methods': 'GET, HEAD, OPTIONS',
    'Access-Control-Allow-Headers': 'Authorization, Range, If-Match, If-None-Match, If-Range',
    'Access-Control-Max-Age': 600,
  };
}

/** The quoted ETag of a file. It depends on name, size and revision, as the bytes do. */
export function etagOf({ path, size }: GhostFile, revision: number, weak = false): string {
  const digest = createHash('sha256').update(`${path} ${size} ${revision}`).digest('hex').slice(0, 32);
  return `${weak ? 'W/' : ''}"${digest}"`;
}

/** Answers 200, 206, 304, 412 or 416, as RFC 9110 has it; several ranges in one request are answered with the whole file. */
export function answerFile(
  file: GhostFile,
  request: IncomingHttpHeaders,
  revision: number,
  options: HeaderOptions,
): Answer {
  const { etag = 'strong', lastModified = true, ranges = true, compress = false } = options;
  const tag = etag === 'none' ? undefined : etagOf(file, revision, etag === 'weak');
  const headers: OutgoingHttpHeaders = {
    ...corsHeaders(options),
    'Content-Type': file.path.endsWith('.json') ? 'application/json' : 'application/octet-stream',
    ...(tag === undefined ? {} : { ETag: tag }),
    ...(lastModified ? { 'Last-Modified': new Date(UPLOADED + revision * DAY).toUTCString() } : {}),
    ...(ranges ? { 'Accept-Ranges': 'bytes' } : {}),
  };
  const none = { start: 0, end: 0 };
  const failed = request['if-match'];
  if (failed !== undefined && failed !== '*' && failed !== tag) return { status: 412, headers, ...none };
  if (tag !== undefined && request['if-none-match'] === tag) return { status: 304, headers, ...none };
  const isSame = request['if-range'] === undefined || request['if-range'] === tag;
  const range = ranges && isSame ? parseRange(request.range, file.size) : undefined;
  if (range === 'outside') {
    return { status: 416, headers: { ...headers, 'Content-Range': `bytes */${file.size}` }, ...none };
  }
  if (range) {
    const { start, end } = range;
    const place = { 'Content-Range': `bytes ${start}-${end - 1}/${file.size}`, 'Content-Length': end - start };
    return { status: 206, headers: { ...headers, ...place }, start, end };
  }
  const whole = { start: 0, end: file.size };
  if (compress && file.path.endsWith('.json') && /\bgzip\b/.test(String(request['accept-encoding'] ?? ''))) {
    const encoded = gzipSync(Buffer.concat([...filePieces(file, 0, file.size)]));
    const coding = { 'Content-Encoding': 'gzip', 'Content-Length': encoded.length, Vary: 'Accept-Encoding' };
    return { status: 200, headers: { ...headers, ...coding }, ...whole, encoded };
  }
  return { status: 200, headers: { ...headers, 'Content-Length': file.size }, ...whole };
}

/** One range of bytes; undefined for no range, several, or what is no range of bytes. */
function parseRange(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | 'outside' | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  if (first === '') return last === '0' ? 'outside' : { start: Math.max(0, size - Number(last)), end: size };
  const start = Number(first);
  const end = last === '' ? size : Math.min(size, Number(last) + 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start < size ? { start, end } : 'outside';
}
