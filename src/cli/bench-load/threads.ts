/**
 * The threads of a load in Node, as the library has workers in browsers: one reads, one hashes, and the main one uploads. Each
 * is the command line once more.
 */
import { createHash, type Hash } from 'node:crypto';
import { setInterval } from 'node:timers';
import { parentPort, type TransferListItem, Worker } from 'node:worker_threads';
import { SourceReader } from '../../loader/loader.ts';
import { readerOver } from '../../loader/port.ts';
import { serveReader } from '../../loader/serve.ts';
import type { ModelReader } from '../../model/reader.ts';
import { createWorkerHashers, type HashAnswer, type HashRequest, hashWorkerAt } from '../../storage/cache/hasher.ts';
import { openSource } from '../../storage/open.ts';
import { withHashing } from './sources.ts';
import type { StageRequest } from './types.ts';

/** What a thread is told first. */
export type ThreadSetup =
  | {
      readonly role: 'load';
      readonly request: StageRequest;
      /** Of the reader. */
      readonly calls: MessagePort;
      /** Of the thread that hashes, where files are hashed. */
      readonly hashing: MessagePort | undefined;
    }
  | { readonly role: 'hash'; readonly hashing: MessagePort };

/** Starts a thread that calls `serveThread`. */
export type StartThread = (setup: ThreadSetup) => RunningThread;

export interface RunningThread {
  /** Bytes of its JavaScript heap and backing stores, a moment ago. */
  heapBytes(): number;
}

const TELL_MILLISECONDS = 50;

/** @param script the `outrider` script */
export const startThreads =
  (script: string): StartThread =>
  (setup) => {
    let heap = 0;
    const worker = new Worker(script, { argv: ['bench-load', '--thread'] });
    worker.on('message', (bytes: number) => {
      heap = bytes;
    });
    const ports = Object.values(setup).filter((value) => value instanceof MessagePort);
    worker.postMessage(setup, ports as unknown as TransferListItem[]);
    return { heapBytes: () => heap };
  };

/** What such a thread does: what its first message says, and telling its memory. */
export function answerAsThread(): void {
  parentPort!.once('message', serveThread);
  setInterval(() => parentPort!.postMessage(heapBytes()), TELL_MILLISECONDS);
}

/** Of this thread. */
export function heapBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

export async function serveThread(setup: ThreadSetup): Promise<void> {
  if (setup.role === 'hash') return answerHashes(setup.hashing);
  const { request, calls, hashing } = setup;
  const source = await openSource(request.url);
  const hashers = hashing && createWorkerHashers(() => hashWorkerAt(hashing));
  serveReader(calls, new SourceReader(hashers ? withHashing(source, hashers, request.files) : source));
}

/** A reader of the request's model in a thread of its own, with one that hashes where everything is on. */
export function openInThreads(
  request: StageRequest,
  start: StartThread,
): { readonly reader: ModelReader; readonly threads: readonly RunningThread[] } {
  const calls = new MessageChannel();
  const hashing = request.stage === 'gpu' ? undefined : new MessageChannel();
  const threads = [start({ role: 'load', request, calls: calls.port2, hashing: hashing?.port1 })];
  if (hashing) threads.push(start({ role: 'hash', hashing: hashing.port2 }));
  return { reader: readerOver(calls.port1, request.url), threads };
}

/** As hash-worker.ts does, by `node:crypto`. */
function answerHashes(port: MessagePort): void {
  const hashes = new Map<number, Hash>();
  const answer = (message: HashAnswer, moved: Transferable[] = []) => port.postMessage(message, moved);
  port.onmessage = ({ data }: MessageEvent<HashRequest>) => {
    const { file } = data;
    const hash = hashes.get(file) ?? createHash('sha256');
    hashes.set(file, hash);
    if (data.do === 'update') {
      hash.update(data.bytes);
      return answer({ file, bytes: data.bytes }, [data.bytes.buffer]);
    }
    hashes.delete(file);
    if (data.do === 'digest') answer({ file, digest: hash.digest('hex') });
  };
}
