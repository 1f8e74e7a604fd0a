/** What the manager asks of the library, in one place. */
import { OutriderError } from '../../../errors.ts';
import type { Engine, FallbackOptions, LoadProgress, ModelPlan } from '../../../index.ts';
import type { ModelEntry } from './address.ts';
import type { ModelCard } from './card.ts';
import type { LoadChoices } from './memory.ts';

type Source = ModelEntry['source'];

/** Everything that `createEngine` is told. */
export interface EngineRequest extends LoadChoices {
  /** Bytes on the GPU that the model may use. */
  readonly budget?: number | undefined;
  /** For gated repositories; never stored. */
  readonly token?: string | undefined;
  /** Where to go on if this device cannot. */
  readonly fallback?: FallbackOptions | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type PlanRequest = Omit<EngineRequest, 'onProgress'>;

/** A model in the browser's storage. */
export interface StoredModel {
  /** Its address, or `hf:owner/name@commit`. */
  readonly id: string;
  readonly label: string;
  /** Bytes that are stored. */
  readonly bytes: number;
  /** Bytes of all its files, as far as they are known. */
  readonly size: number;
  readonly complete: boolean;
  /** Why it cannot be used, though it takes room. */
  readonly problem?: string | undefined;
}

export interface StorageFacts {
  /** Bytes of all models. */
  readonly used: number;
  /** Whether the browser promised not to evict them. */
  readonly persisted: boolean;
}

/** What has changed at a model's source. */
export interface Update {
  readonly numFiles: number;
  /** Bytes that loading would fetch. */
  readonly download: number;
}

/** The library as the manager uses it; tests bring a fake. */
export interface ModelLibrary {
  planModel(source: Source, request: PlanRequest): Promise<ModelPlan>;
  readCard(source: Source, request: Pick<PlanRequest, 'token' | 'signal'>): Promise<ModelCard>;
  listModels(): Promise<readonly StoredModel[]>;
  storageFacts(): Promise<StorageFacts>;
  /** Asks the browser to keep the models. @returns whether it promised to */
  persist(): Promise<boolean>;
  /** Rejects with `model_in_use`. */
  deleteModel(id: string): Promise<void>;
  /** Reads every stored byte. @returns how many parts are not what was received */
  verifyModel(id: string, options: VerifyOptions): Promise<number>;
  /** Compares with the source. @param apply drops what is stored of the files that changed, so that loading fetches them */
  updateModel(id: string, options: Pick<PlanRequest, 'token'> & { readonly apply: boolean }): Promise<Update>;
}

export interface VerifyOptions {
  /** Bytes. */
  readonly onProgress: (checked: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** Fetched apart from the page, which is there at once: the engine's shaders and workers are most of all bytes. */
export const outrider = () =>
  import('../../../index.ts').catch((cause) => {
    const message = 'A part of this page could not be fetched. Check the connection, then try again.';
    throw new OutriderError('network_error', message, { cause });
  });

/** Rejects with `aborted` after a pause; a later call goes on where it was. */
export async function createEngine(source: Source, request: EngineRequest): Promise<Engine> {
  return (await outrider()).createEngine(sendable(source), request);
}

/** Files go with their paths, which a `File` of a drop does not know. */
export function sendable(source: Source): string | readonly File[] {
  return source as string | readonly File[];
}
