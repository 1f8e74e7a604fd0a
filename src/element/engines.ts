/** Which engine an element asks: the one that it was given, or one that all elements with its model share. */
import { OutriderError } from '../errors.ts';
import type { EngineOptions, FallbackOptions, LoadProgress } from '../index.ts';
import type { Lease } from './conversation.ts';
import { EnginePool } from './engine-pool.ts';
import { unusablePlatform } from './platform.ts';
import type { OpenAILike } from './stream.ts';

/** What an element says of its engine. */
export interface EngineChoice {
  readonly engine: OpenAILike | undefined;
  readonly model: string | undefined;
  readonly engineOptions: EngineOptions | undefined;
  readonly fallback: FallbackOptions | undefined;
}

/** Longer than it takes a page to move an element or to replace one. */
const graceMs = 3000;

const pool = new EnginePool(async ({ model, options, fallback }, hooks) => {
  const unusable = fallback ? undefined : unusablePlatform();
  if (unusable) throw unusable;
  const { createEngine } = await import('../index.ts'); // the engine's code comes with the first use
  return createEngine(model, { ...options, ...(fallback && { fallback }), ...hooks });
}, graceMs);

/** @throws OutriderError `invalid_request` where there is neither an engine nor a model */
export function leaseEngine(choice: EngineChoice, onProgress: (progress: LoadProgress) => void): Lease {
  const { engine, model, engineOptions: options, fallback } = choice;
  if (engine) return { engine: Promise.resolve(engine), release: () => {} };
  if (!model) {
    const message =
      '<outrider-chat> has no model. Set its attribute `model` to the address of one, or its property `engine`.';
    throw new OutriderError('invalid_request', message, { details: { field: 'model' } });
  }
  const address = URL.canParse(model, document.baseURI) ? new URL(model, document.baseURI).href : model;
  return pool.lease({ model: address, options, fallback }, onProgress);
}
