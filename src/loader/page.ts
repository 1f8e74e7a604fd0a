/**
 * What a page asks beside loading: plans, and care for what is stored. Each call has a loader worker of its own while it lasts;
 * under Node it is answered in this thread.
 */

import { abortError } from '../errors.ts';
import type { AdapterLimits, ModelPlan } from '../model/plan.ts';
import { abortable } from '../ports/abortable.ts';
import type { FromSender } from '../ports/messages.ts';
import type { StorageFacts, StoredModel, Update, Verification } from '../storage/cache/manage.ts';
import { LoaderClient } from './client.ts';
import type { LoaderProgress, PlanRequest, RemoteLoader, RemoteLocation } from './host.ts';

interface Abort {
  readonly signal?: AbortSignal | undefined;
}

type Calls = Pick<LoaderClient, 'call'>;

async function withLoader<T>({ signal }: Abort, use: (loader: Calls) => Promise<T>): Promise<T> {
  const loader = typeof Worker === 'undefined' ? await inThisThread() : new LoaderClient();
  try {
    const using = use(loader);
    return await (signal ? abortable(using, signal) : using);
  } catch (error) {
    throw signal?.aborted ? abortError(signal) : error;
  } finally {
    loader.terminate();
  }
}

async function inThisThread(): Promise<Calls & { terminate(): void }> {
  const loader: RemoteLoader = (await import('./local.ts')).createLoader();
  const call = (method: keyof RemoteLoader, ...args: unknown[]) =>
    (loader[method] as (...args: unknown[]) => Promise<unknown>)(...args);
  return { call: call as Calls['call'], terminate: () => {} };
}

export async function planModel(
  source: RemoteLocation,
  { signal, adapterLimits, ...request }: PlanRequest & Abort,
): Promise<ModelPlan> {
  const limits = adapterLimits ?? (await limitsHere());
  return withLoader({ signal }, (loader) => loader.call('plan', source, { ...request, adapterLimits: limits }));
}

/** Of the adapter that a model would be loaded on; undefined where there is none. */
async function limitsHere(): Promise<AdapterLimits | undefined> {
  const adapter = await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return undefined;
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  return { maxBufferSize, maxStorageBufferBindingSize };
}

export function readModelFile(
  source: RemoteLocation,
  path: string,
  { signal, token }: Abort & { readonly token?: string | undefined },
): Promise<string | undefined> {
  return withLoader({ signal }, (loader) => loader.call('readFile', source, path, { token }));
}

export const listModels = (): Promise<StoredModel[]> => withLoader({}, (loader) => loader.call('listModels'));

export const deleteModel = (id: string): Promise<number> => withLoader({}, (loader) => loader.call('deleteModel', id));

export function verifyModel(
  id: string,
  { signal, onProgress }: Abort & { readonly onProgress?: ((progress: LoaderProgress) => void) | undefined },
): Promise<Verification> {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }: MessageEvent<FromSender<LoaderProgress>>) => {
    if (data.type === 'item') onProgress?.(data.item);
  };
  return withLoader({ signal }, (loader) => loader.call('verifyModel', id, port2)).finally(() => port1.close());
}

export const updateModel = (
  id: string,
  { signal, ...options }: Abort & { readonly token?: string | undefined; readonly apply?: boolean },
): Promise<Update> => withLoader({ signal }, (loader) => loader.call('updateModel', id, options));

export const storageFacts = (): Promise<StorageFacts> => withLoader({}, (loader) => loader.call('storageFacts'));

export { persistStorage } from '../storage/cache/persist.ts';
