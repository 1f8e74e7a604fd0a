/** A loaded model in this thread: inside the worker, under Node, or where an app runs its own. */
import { loadModel as loadModelOnGpu } from '../model/load.ts';
import type { ModelReader } from '../model/reader.ts';
import { ConversationEngine } from './engine.ts';
import { type LoadOptions, loadEngineParts, type ModelLoader } from './load.ts';
import type { TextEngine } from './request.ts';

/**
 * Loads a model.
 * @param reader reads the model's files; closed when the engine is unloaded, or could not be loaded
 * @param name becomes the model's id
 * @param loadModel how weights get onto the GPU; tests bring their own
 * @throws OutriderError: any code of loading; `aborted` when the signal fires. Nothing is left on the GPU then.
 */
export async function createTextEngine(
  reader: ModelReader,
  name: string,
  options: LoadOptions = {},
  loadModel: ModelLoader = loadModelOnGpu,
): Promise<TextEngine> {
  try {
    const { parts, facts } = await loadEngineParts(reader, name, options, loadModel);
    return new ConversationEngine(parts, facts, () => reader.close());
  } catch (error) {
    await reader.close();
    throw error;
  }
}
