/** One body on its way: back-pressure, rate, and the faults that happen to bytes. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Served } from './counters.ts';
import type { Fault } from './faults.ts';
import { Throttle } from './throttle.ts';

export interface SendOptions {
  readonly fault: Fault | undefined;
  readonly served: Served;
  /** Asked again for every piece. */
  readonly throttle: () => Throttle | undefined;
}

/** Resolves when the last byte is handed over, or the connection has ended. */
export async function sendBody(
  response: ServerResponse,
  pieces: Iterable<Uint8Array>,
  { fault, served, throttle }: SendOptions,
): Promise<void> {
  const slow = fault?.kind === 'slow' ? new Throttle(fault.bytesPerSecond) : undefined;
  for (const piece of spoilBytes(pieces, fault)) {
    for (let at = 0; at < piece.length; ) {
      const limit = slow ?? throttle();
      const part = limit ? piece.subarray(at, at + limit.pieceBytes) : piece.subarray(at);
      await limit?.take(part.length);
      if (response.destroyed) return;
      served.sent += part.length;
      at += part.length;
      if (!response.write(part)) await drained(response);
      if (response.destroyed) return;
    }
  }
  if (fault?.kind === 'drop') {
    await flushed(response);
    response.destroy();
  } else if (fault?.kind === 'stall') await once(response, 'close');
  else response.end();
}

/** Faults that happen to bytes: cut off, padded, flipped. */
function* spoilBytes(pieces: Iterable<Uint8Array>, fault: Fault | undefined): Generator<Uint8Array> {
  if (fault?.kind === 'drop' || fault?.kind === 'stall') yield* cut(pieces, fault.afterBytes);
  else if (fault?.kind === 'length') yield* resize(pieces, fault.deltaBytes);
  else if (fault?.kind === 'flip') yield* flip(pieces, fault.at);
  else yield* pieces;
}

function* cut(pieces: Iterable<Uint8Array>, bytes: number): Generator<Uint8Array> {
  let left = bytes;
  for (const piece of pieces) {
    if (left <= 0) return;
    yield piece.subarray(0, left);
    left -= piece.length;
  }
}

function* resize(pieces: Iterable<Uint8Array>, delta: number): Generator<Uint8Array> {
  if (delta >= 0) {
    yield* pieces;
    yield new Uint8Array(delta);
    return;
  }
  const all = [...pieces]; // views, so even a long body is a short list
  const length = all.reduce((sum, piece) => sum + piece.length, 0);
  yield* cut(all, length + delta);
}

function* flip(pieces: Iterable<Uint8Array>, at: number): Generator<Uint8Array> {
  let offset = at;
  for (const piece of pieces) {
    if (0 <= offset && offset < piece.length) {
      const copy = piece.slice();
      copy[offset]! ^= 1;
      yield copy;
    } else yield piece;
    offset -= piece.length;
  }
}

async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

/** Everything written has left this process, so that ending the connection does not take it back. */
async function flushed(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  response.flushHeaders();
  await new Promise<void>((resolve) => {
    response.on('close', () => resolve());
    response.write(new Uint8Array(0), () => resolve());
  });
}
