/** What `createEngine` does where there is a `fallback`. */
import type { TextEngine } from '../../engine/request.ts';
import { OutriderError } from '../../errors.ts';
import { type Engine, engineOver } from '../engine.ts';
import { absentEngine } from './absent.ts';
import { Fallback } from './fallback.ts';
import { type FallbackOptions, parseFallback } from './options.ts';

/**
 * @param options checked before anything is loaded
 * @param name of the model, where it cannot be loaded
 * @returns an engine over what `load` gives; where that fails with an error that may go elsewhere, one that only asks the server
 * @throws OutriderError `invalid_request` for wrong options; every other error of `load`
 */
export async function engineWithFallback(
  options: FallbackOptions,
  name: string,
  load: () => Promise<TextEngine>,
): Promise<Engine> {
  const destination = parseFallback(options);
  try {
    const engine = await load();
    return engineOver(engine, undefined, new Fallback(engine, destination));
  } catch (error) {
    if (!(error instanceof OutriderError) || !destination.when.has(error.code)) throw error;
    const engine = absentEngine(name, error);
    return engineOver(engine, undefined, new Fallback(engine, destination, error));
  }
}
