/** The server that a person lets go on where this device cannot: its address is remembered, its key never. */
import type { Engine, FallbackOptions } from '../../../index.ts';
import { readJson, writeJson } from '../../shared/storage.ts';

export interface RemoteChoice {
  /** As it was typed; '' means: nothing ever leaves this machine. */
  readonly baseURL: string;
  /** The server's name of the model. */
  readonly model: string;
}

const key = 'outrider.remote';

/** Until the page is closed. */
let apiKey = '';

/** Engines that go on elsewhere: a lost device is not the end of them. */
const covered = new WeakSet<Engine>();

export function readRemote(): RemoteChoice {
  const { baseURL, model } = (readJson('localStorage', key) ?? {}) as Record<string, unknown>;
  return { baseURL: typeof baseURL === 'string' ? baseURL : '', model: typeof model === 'string' ? model : '' };
}

export function writeRemote(choice: RemoteChoice): void {
  writeJson('localStorage', key, choice.baseURL || choice.model ? choice : undefined);
}

export function setRemoteKey(text: string): void {
  apiKey = text;
}

/** For `createEngine`; undefined unless both an address and a model are named. */
export function fallbackOptions(): FallbackOptions | undefined {
  const { baseURL, model } = readRemote();
  if (baseURL === '' || model === '') return undefined;
  return { baseURL, model, ...(apiKey !== '' && { apiKey }) };
}

/** @returns the engine, which is known to go on elsewhere from now on */
export function markCovered(engine: Engine): Engine {
  covered.add(engine);
  return engine;
}

export const isCovered = (engine: Engine) => covered.has(engine);
