/**
 * Carries out a layout's jobs: streams the files in order and cuts what comes into pieces for the GPU. Bytes that go as they
 * are are never copied here: the source's own buffer travels on, with a list of what in it belongs where.
 */
import { OutriderError } from '../errors.ts';
import { endOf, type Job, startOf } from '../model/layout/jobs.ts';
import type { Piece } from '../model/pieces.ts';
import { recyclePart } from '../storage/parts.ts';
import { type ModelSource, type ReadOptions, throwIfAborted } from '../storage/source.ts';
import { isPlain, Output, openPlain, type Sink } from './sinks.ts';

/** One request reads on through gaps up to this (alignment, a vision tensor) rather than begin another. */
const MAX_GAP_BYTES = 256 << 10;

export interface PieceOptions extends ReadOptions {
  /** Read every file from end to end: what is cached is cached whole. */
  readonly wholeFiles?: boolean;
}

/** Each piece is the consumer's until it asks for the next. Throws what the source throws, and `checkpoint_invalid` for weights that cannot be right. */
export async function* readPieces(
  source: ModelSource,
  jobs: readonly Job[],
  options: PieceOptions = {},
): AsyncGenerator<Piece, void, undefined> {
  let loaded = 0;
  for (const run of runsOf(jobs, options.wholeFiles ? Number.POSITIVE_INFINITY : MAX_GAP_BYTES)) {
    const { file } = run[0]!.tensor;
    const openers = await openersOf(run, source, options);
    const start = startOf(run[0]!);
    const end = Math.max(...run.map(endOf));
    const open: Sink[] = [];
    let next = 0;
    let position = start;
    for await (const bytes of source.stream(file, start, end, options)) {
      throwIfAborted(options.signal);
      const pieceEnd = position + bytes.length;
      for (; next < run.length && startOf(run[next]!) < pieceEnd; next++) open.push(openers[next]!());
      const output = new Output(bytes);
      for (let i = 0; i < open.length; ) {
        const sink = open[i]!;
        const from = Math.max(sink.start, position);
        const to = Math.min(sink.end, pieceEnd);
        sink.feed(output, from - position, to - from, from - sink.start);
        loaded += to - from;
        if (to === sink.end) open.splice(i, 1);
        else i++;
      }
      position = pieceEnd;
      yield { blobs: output.blobs, writes: output.writes, loaded, file };
      recyclePart(bytes.buffer); // unless it was transferred
    }
    if (position < end) throw endedEarly(file, position, end);
  }
}

/** What opens each job's sink. Most models are copied and widened; what converts others is loaded where a run needs it. */
async function openersOf(run: readonly Job[], source: ModelSource, options: ReadOptions): Promise<(() => Sink)[]> {
  if (run.every(isPlain)) return run.map((job) => () => openPlain(job));
  return (await import('./conversions.ts')).openersOf(run, source, options);
}

/** Jobs in file order, in runs that one stream each reads. */
function runsOf(jobs: readonly Job[], maxGap: number): Job[][] {
  const byFile = (a: Job, b: Job): number => (a.tensor.file < b.tensor.file ? -1 : 1);
  const sorted = jobs
    .filter((job) => endOf(job) > startOf(job))
    .sort((a, b) => (a.tensor.file === b.tensor.file ? startOf(a) - startOf(b) : byFile(a, b)));
  const runs: Job[][] = [];
  let reached = 0;
  for (const job of sorted) {
    const run = runs.at(-1);
    if (run && run[0]!.tensor.file === job.tensor.file && startOf(job) - reached <= maxGap) {
      run.push(job);
      reached = Math.max(reached, endOf(job));
    } else {
      runs.push([job]);
      reached = endOf(job);
    }
  }
  return runs;
}

function endedEarly(file: string, position: number, end: number): OutriderError {
  const message = `${file}: the source ended at byte ${position}, ${end} were asked for. Try again.`;
  return new OutriderError('network_error', message, { details: { file, position, end } });
}
