/** An engine in the thread that calls: under Node, or where an app wants it there. A page whose engine is in a Worker never needs it. */
import { createTextEngine } from '../engine/create.ts';
import type { LoadOptions } from '../engine/load.ts';
import type { TextEngine } from '../engine/request.ts';
import type { ModelLocation, ReaderOptions, RemoteLocation } from '../loader/host.ts';
import { readerOver } from '../loader/port.ts';
import type { ModelReader } from '../model/reader.ts';
import { abortable } from '../ports/abortable.ts';

/**
 * @param remote what a loader worker may read: only there can the browser's files be written at any place. undefined: this
 *   thread reads `source` itself
 * @param name becomes the model's id
 * @throws OutriderError of any code of loading; nothing is left on the GPU then
 */
export async function createHere(
  source: ModelLocation,
  remote: RemoteLocation | undefined,
  name: string,
  options: ReaderOptions,
  load: LoadOptions,
): Promise<TextEngine> {
  const gpu = load.gpu ?? globalThis.navigator?.gpu ?? (await openGpuOfNode());
  const { reader, failed } = remote
    ? await readInWorker(remote, options, load.signal)
    : { reader: await (await import('../loader/local.ts')).openReader(source, options) };
  const signals = [load.signal, failed].filter((signal) => signal !== undefined);
  try {
    return await createTextEngine(reader, name, { ...load, gpu, signal: AbortSignal.any(signals) });
  } catch (error) {
    throw failed?.aborted ? failed.reason : error;
  }
}

/** The worker goes with the reader. */
async function readInWorker(
  source: RemoteLocation,
  options: ReaderOptions,
  signal: AbortSignal | undefined,
): Promise<{ readonly reader: ModelReader; readonly failed?: AbortSignal }> {
  const { openInLoader } = await import('../loader/client.ts');
  const { loader, label, port } = await openInLoader(source, options, signal);
  const reader = readerOver(port, label);
  const close = () =>
    abortable(reader.close(), loader.failed)
      .catch(() => {}) // a dead worker has nothing open
      .finally(() => loader.terminate());
  return { reader: { ...reader, close }, failed: loader.failed };
}

/** Under Node, Dawn; elsewhere nothing, and loading explains what is missing. */
async function openGpuOfNode(): Promise<GPU | undefined> {
  const isNode = !('document' in globalThis || 'WorkerGlobalScope' in globalThis) && typeof process === 'object';
  return isNode ? (await (await import('../gpu/node.ts')).openNodeGpu()).gpu : undefined;
}
