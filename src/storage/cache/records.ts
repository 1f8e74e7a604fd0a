/**
 * The journal's records: one line each, `crc32 json\n`, applied in order to an empty state. A line that fails its checksum
 * says nothing and is skipped. That is safe because a part names the incarnation of its file, so that a lost `file` line
 * can never put old parts under a new version, and because every part is checked against its hash when it is read.
 */
import { crc32 } from './digest.ts';

/** Version of the format below; written into each journal's first line. */
export const JOURNAL_VERSION = 1;

/** What an application keeps with a model: the accepted licence, the source as the user typed it. */
export type Meta = Readonly<Record<string, string | number | boolean | null>>;

/** A part of a stored file. */
export interface StoredPart {
  /** `hashPart` of the part as it was received, hex. Kept when the part is lost: what is fetched again must equal it. */
  readonly sha256: string;
  /** Whether its bytes are believed to be on disk. */
  readonly present: boolean;
}

/** A file of a model, as far as it is known. */
export interface StoredFile {
  readonly path: string;
  /** Counts the versions of files in this journal; also names the file on disk, so that two versions never share one. */
  readonly incarnation: number;
  readonly size: number;
  readonly version?: string | undefined;
  /** Of the whole file, as the source promises it. */
  readonly sha256?: string | undefined;
  /** By index; undefined was never received. */
  readonly parts: readonly (StoredPart | undefined)[];
  /** Whether the bytes of the parts together had the promised hash. */
  readonly verified: boolean;
}

export interface JournalState {
  readonly id: string;
  readonly label: string;
  /** Bytes of a part, the last of a file excepted; fixed when the journal is made. */
  readonly partBytes: number;
  readonly files: ReadonlyMap<string, StoredFile>;
  /** The highest incarnation ever given: none is given twice. */
  readonly lastIncarnation: number;
  /** Paths that the source does not have. */
  readonly absent: ReadonlySet<string>;
  /** Paths that were all there, with their hashes right, at the end of a load; undefined before that. */
  readonly completed?: readonly string[] | undefined;
  readonly meta: Meta;
}

export interface JournalHeader {
  readonly t: 'journal';
  readonly version: number;
  /** Of two slots, the one with the higher generation counts. */
  readonly generation: number;
  readonly id: string;
  readonly label: string;
  readonly partBytes: number;
}

export type JournalRecord =
  | { readonly t: 'ready'; readonly last: number } // ends the snapshot that a journal begins with
  | {
      readonly t: 'file';
      readonly n: number;
      readonly path: string;
      readonly size: number;
      readonly version?: string | undefined;
      readonly sha256?: string | undefined;
    }
  | { readonly t: 'part'; readonly n: number; readonly i: number; readonly sha256: string }
  | { readonly t: 'lost'; readonly n: number; readonly parts: readonly number[] }
  | { readonly t: 'verified'; readonly n: number }
  | { readonly t: 'absent'; readonly path: string }
  | { readonly t: 'complete'; readonly paths: readonly string[] }
  | { readonly t: 'meta'; readonly meta: Meta };

export function emptyState({ id, label, partBytes }: Pick<JournalHeader, 'id' | 'label' | 'partBytes'>): JournalState {
  return { id, label, partBytes, files: new Map(), lastIncarnation: 0, absent: new Set(), meta: {} };
}

/** The state after `record`; the one before is left as it is. */
export function applyRecord(state: JournalState, record: JournalRecord): JournalState {
  switch (record.t) {
    case 'ready':
      return { ...state, lastIncarnation: Math.max(state.lastIncarnation, record.last) };
    case 'file': {
      const { n, path, size, version, sha256 } = record;
      const absent = new Set(state.absent);
      absent.delete(path);
      const parts = new Array<undefined>(Math.ceil(size / state.partBytes)).fill(undefined);
      const file = { path, incarnation: n, size, version, sha256, parts, verified: false };
      const files = new Map(state.files).set(path, file);
      const lastIncarnation = Math.max(state.lastIncarnation, n);
      return { ...state, files, lastIncarnation, absent, completed: without(state, path) };
    }
    case 'part':
      return changeFile(state, record.n, (file) => {
        if (record.i >= file.parts.length) return file;
        const parts = file.parts.with(record.i, { sha256: record.sha256, present: true });
        const same = file.parts[record.i]?.sha256 === record.sha256;
        return { ...file, parts, verified: file.verified && same };
      });
    case 'lost':
      return changeFile(state, record.n, (file) => {
        const lost = new Set(record.parts);
        return {
          ...file,
          parts: file.parts.map((part, i) => (part && lost.has(i) ? { ...part, present: false } : part)),
        };
      });
    case 'verified':
      return changeFile(state, record.n, (file) => ({ ...file, verified: true }));
    case 'absent': {
      const files = new Map(state.files);
      files.delete(record.path);
      const absent = new Set(state.absent).add(record.path);
      return { ...state, files, absent, completed: without(state, record.path) };
    }
    case 'complete':
      return { ...state, completed: record.paths };
    case 'meta':
      return { ...state, meta: { ...state.meta, ...record.meta } };
  }
}

/** A model of which a file is replaced is not complete until someone says so again: the others may be older. */
function without({ completed }: JournalState, path: string): readonly string[] | undefined {
  return completed?.includes(path) ? undefined : completed;
}

function changeFile(state: JournalState, incarnation: number, change: (file: StoredFile) => StoredFile): JournalState {
  for (const [path, file] of state.files) {
    if (file.incarnation === incarnation) return { ...state, files: new Map(state.files).set(path, change(file)) };
  }
  return state; // of a version that was replaced
}

/** The shortest list of records that leads to `state`. */
export function* snapshot(state: JournalState): Generator<JournalRecord> {
  for (const { incarnation: n, path, size, version, sha256, parts, verified } of state.files.values()) {
    yield { t: 'file', n, path, size, version, sha256 };
    for (const [i, part] of parts.entries()) if (part) yield { t: 'part', n, i, sha256: part.sha256 };
    const lost = parts.flatMap((part, i) => (part && !part.present ? [i] : []));
    if (lost.length > 0) yield { t: 'lost', n, parts: lost };
    if (verified) yield { t: 'verified', n };
  }
  for (const path of state.absent) yield { t: 'absent', path };
  if (Object.keys(state.meta).length > 0) yield { t: 'meta', meta: state.meta };
  if (state.completed) yield { t: 'complete', paths: state.completed };
  yield { t: 'ready', last: state.lastIncarnation };
}

/** Every part of the file is on disk. */
export const isStored = (file: StoredFile): boolean => file.parts.every((part) => part?.present);

/** Nothing has to be asked of the network: every file is stored, and those with a promised hash have it. */
export function isComplete({ completed, files }: JournalState): boolean {
  const isReady = (file: StoredFile | undefined) => file && isStored(file) && (file.verified || !file.sha256);
  return completed?.every((path) => isReady(files.get(path))) ?? false;
}

/** Bytes of part `i`. */
export function partLength(file: StoredFile, i: number, partBytes: number): number {
  return Math.min(partBytes, file.size - i * partBytes);
}

/** Bytes of this file that are on disk. */
export function storedBytes(file: StoredFile, partBytes: number): number {
  return file.parts.reduce((sum, part, i) => sum + (part?.present ? partLength(file, i, partBytes) : 0), 0);
}

const CRC_DIGITS = 8;

export function encodeLine(record: JournalHeader | JournalRecord): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(record));
  const line = new Uint8Array(CRC_DIGITS + 1 + json.length + 1);
  line.set(new TextEncoder().encode(`${crc32(json)} `));
  line.set(json, CRC_DIGITS + 1);
  line[line.length - 1] = NEWLINE;
  return line;
}

/** The line's value; undefined where its checksum does not fit. */
export function decodeLine(line: Uint8Array): unknown {
  const json = line.subarray(CRC_DIGITS + 1);
  if (new TextDecoder().decode(line.subarray(0, CRC_DIGITS)) !== crc32(json)) return undefined;
  return JSON.parse(new TextDecoder().decode(json));
}

export const NEWLINE = 10;
