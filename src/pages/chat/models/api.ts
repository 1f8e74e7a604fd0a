/** What the manager asks of the library, in one place. */
import type { Engine, LoadProgress } from '../../../index.ts';
import type { ModelCard } from './card.ts';
import type { LoadChoices } from './memory.ts';

export type ModelSourceLike = string | readonly File[];

/** Everything that `createEngine` is told. */
export interface EngineRequest extends LoadChoices {
  /** Bytes on the GPU that the model may use. */
  readonly budget?: number | undefined;
  /** For gated repositories; never stored. */
  readonly token?: string | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type PlanRequest = Omit<EngineRequest, 'onProgress'>;

/** What the manager shows of a plan. Bytes. */
export interface Plan {
  /** In words: `compressed-tensors int4`. */
  readonly format: string;
  readonly notices: readonly string[];
  /** Still to be fetched. */
  readonly download: number;
  /** Stored on this machine when all is there. */
  readonly disk: number;
  readonly gpu: { readonly weights: number; readonly kv: number; readonly activations: number; readonly total: number };
  readonly kv: { readonly dtype: 'f32' | 'f16'; readonly contextLength: number; readonly maxContextLength: number };
  readonly budget?: number | undefined;
  readonly verdict: 'fits' | 'unproven' | 'too-large';
  /** The verdict's reason with both numbers. */
  readonly reason: string;
  readonly nextSteps: readonly string[];
}

/** A model in the browser's storage. */
export interface StoredModel {
  /** Its address, or `hf:owner/name@commit`. */
  readonly id: string;
  readonly label: string;
  /** Bytes that are stored. */
  readonly bytes: number;
  /** Bytes of all its files. */
  readonly size: number;
  readonly complete: boolean;
  /** ms since 1970. */
  readonly lastUsed?: number | undefined;
  /** Some tab answers from it. */
  readonly inUse: boolean;
}

export interface StorageFacts {
  /** Bytes of all models. */
  readonly used: number;
  /** Whether the browser promised not to evict them. */
  readonly persisted: boolean;
}

/** The library as the manager uses it; tests bring a fake. */
export interface ModelLibrary {
  /** Rejects with `aborted` after a pause; a later call goes on where it was. */
  createEngine(source: ModelSourceLike, request: EngineRequest): Promise<Engine>;
  planModel(source: ModelSourceLike, request: PlanRequest): Promise<Plan>;
  readCard(source: ModelSourceLike, request: Pick<PlanRequest, 'token' | 'signal'>): Promise<ModelCard>;
  listModels(): Promise<readonly StoredModel[]>;
  storageFacts(): Promise<StorageFacts>;
  /** Asks the browser to keep the models. @returns whether it promised to */
  persist(): Promise<boolean>;
  /** Rejects with `model_in_use`. */
  deleteModel(id: string): Promise<void>;
  /** Reads every stored byte. @returns how many parts are not what was received */
  verifyModel(id: string, options: VerifyOptions): Promise<number>;
  /** Compares with the source. @returns paths of files that are other ones there; what is stored of them is dropped */
  updateModel(id: string, options: Pick<PlanRequest, 'token' | 'signal'>): Promise<readonly string[]>;
}

export interface VerifyOptions {
  /** Bytes. */
  readonly onProgress: (checked: number, total: number) => void;
  readonly signal: AbortSignal;
}
