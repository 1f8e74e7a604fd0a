/** The engine in the thread that calls: inside the Worker, under Node, or where an app runs its own. */
import { ConversationEngine } from '../engine/engine.ts';
import { type LoadOptions, loadEngineParts, type ModelLoader } from '../engine/load.ts';
import { loadModel as loadModelOnGpu } from '../model/load.ts';
import type { ModelReader } from '../model/reader.ts';
import { createChatCompletions } from './completions.ts';
import type { Engine } from './engine.ts';

/**
 * Loads a model and answers from it.
 * @param reader reads the model's files; closed when the engine is unloaded, or could not be loaded
 * @param name becomes the model's id
 * @param loadModel how weights get onto the GPU; tests bring their own
 * @throws OutriderError: any code of loading; `aborted` when the signal fires. Nothing is left on the GPU then.
 */
export async function createInThreadEngine(
  reader: ModelReader,
  name: string,
  options: LoadOptions = {},
  loadModel: ModelLoader = loadModelOnGpu,
): Promise<Engine> {
  try {
    const { parts, facts } = await loadEngineParts(reader, name, options, loadModel);
    const engine = new ConversationEngine(parts);
    return {
      model: facts,
      variants: facts.variants,
      chat: { completions: createChatCompletions(engine, facts.id) },
      on: (_type, listener) => engine.on(listener),
      stats: async () => engine.stats(),
      unload: async () => {
        await engine.unload();
        await reader.close();
      },
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}
