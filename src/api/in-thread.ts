/** The engine in the thread that calls: inside the Worker, under Node, or where an app runs its own. */
import { ConversationEngine } from '../engine/engine.ts';
import { type LoadOptions, loadEngineParts, type ModelLoader } from '../engine/load.ts';
import { loadModel as loadModelOnGpu } from '../model/load.ts';
import { openSource, openWebSource } from '../storage/open.ts';
import type { ModelSource } from '../storage/source.ts';
import { createChatCompletions } from './completions.ts';
import type { Engine } from './engine.ts';

/**
 * Loads a model and answers from it.
 * @param source URL of a model folder, its files, or a byte source of the caller's own
 * @param loadModel how weights get onto the GPU; tests bring their own
 * @param open what reads `source`
 * @throws OutriderError: any code of loading; `aborted` when the signal fires. Nothing is left on the GPU then.
 */
export async function createInThreadEngine(
  source: string | readonly File[] | ModelSource,
  options: LoadOptions = {},
  loadModel: ModelLoader = loadModelOnGpu,
  open: typeof openSource = openWebSource,
): Promise<Engine> {
  const { parts, facts } = await loadEngineParts(await open(source), nameOf(source), options, loadModel);
  const engine = new ConversationEngine(parts);
  return {
    model: facts,
    chat: { completions: createChatCompletions(engine, facts.id) },
    on: (_type, listener) => engine.on(listener),
    unload: () => engine.unload(),
  };
}

/** The same where there may be no browser: under Node, `source` may also be a path. */
export function createEngineAnywhere(
  source: string | readonly File[] | ModelSource,
  options: LoadOptions,
): Promise<Engine> {
  return createInThreadEngine(source, options, loadModelOnGpu, openSource);
}

/** The folder's name: the last part of a URL or path, or the folder that a file picker gave. */
function nameOf(source: string | readonly File[] | ModelSource): string {
  if (typeof source !== 'string') {
    const folder = Symbol.iterator in source ? source[0]?.webkitRelativePath?.split('/')[0] : source.label;
    return folder || 'local';
  }
  const path = source.replace(/[?#].*$/, '').replace(/[/\\]+$/, '');
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1) || source;
}
