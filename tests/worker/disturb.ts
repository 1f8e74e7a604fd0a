/** Ends answers in all the ways there are, at points that are drawn. */
import type { GenerateRequest, TextEngine } from '../../src/engine/request.ts';

export const WAYS = ['signal', 'signal while queued', 'loop left', 'interrupt'] as const;
export type Way = (typeof WAYS)[number];

/** Draws a number in [0, below) from a fixed sequence: a failure comes again. */
export type Draw = (below: number) => number;

export function draws(seed: number): Draw {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export interface Disturbed {
  /** Pieces of text that had come. */
  readonly items: number;
  /** `ended` where the answer or the loop was over first, else the error's name. */
  readonly outcome: string;
}

/**
 * Starts an answer and ends it.
 * @param first an answer that has the turn, for `signal while queued`
 * @param wait passes the time until the answer is ended
 * @param maxItems the loop is left before so many
 */
export async function disturb(
  engine: TextEngine,
  way: Way,
  {
    request,
    first,
    wait,
    maxItems,
  }: {
    readonly request: GenerateRequest;
    readonly first: GenerateRequest;
    readonly wait: () => Promise<void>;
    readonly maxItems: number;
  },
): Promise<Disturbed> {
  const controller = new AbortController();
  const before = way === 'signal while queued' ? textOf(engine, first) : undefined;
  const leaveAfter = way === 'loop left' ? maxItems : Number.POSITIVE_INFINITY;
  let items = 0;
  const reading = (async () => {
    for await (const event of engine.generate(request, { signal: controller.signal }))
      if (event.type === 'text' && ++items >= leaveAfter) return;
  })();
  const outcome = reading.then(
    () => 'ended',
    (error: Error) => error.name,
  );
  if (way !== 'loop left') {
    await wait();
    if (way === 'interrupt') await engine.interrupt();
    else controller.abort();
  }
  const result = { outcome: await outcome, items };
  await before?.catch(() => {}); // an interruption ends it too
  return result;
}

export async function textOf(engine: TextEngine, request: GenerateRequest): Promise<string> {
  let text = '';
  for await (const event of engine.generate(request)) if (event.type === 'text') text += event.text;
  return text;
}
