/**
 * A Runner without a GPU that computes like one: every chosen id is a hash of the whole visible KV cache, local regions
 * included, as it really stands there. So a stale slot changes the text. It also refuses every misuse of the contract.
 */
import type { ModelConfig } from '../../src/model/config.ts';
import type { Schedule } from '../../src/model/irope.ts';
import { cutPrompt } from '../../src/model/positions.ts';
import type { Adjustment, KvCopy, Runner, Sampled, Sampling, StepCost } from '../../src/model/runner.ts';
import { FakeChoice } from './fake-choice.ts';

export interface FakeOptions {
  chunk?: number;
  contextLength?: number;
  runAhead?: number;
  block?: number;
  vocabSize?: number;
  eosTokenIds?: number[];
  /** The GPU has no room for copies. */
  refuseCopies?: boolean;
  /** Replaces the choice of ids where neither adjustment nor mask forbids it; gets the hash and the position of the id that is chosen. */
  choose?: (hash: number, position: number, sampling: Sampling) => number;
}

/** Exactly what a copy on a GPU holds. */
interface FakeCopy extends KvCopy {
  readonly global: readonly number[];
  readonly region: number;
  readonly local: readonly number[];
}

const mix = (a: number, b: number) =>
  Math.imul((a ^ (b + 0x9e3779b9 + (a << 6) + (a >>> 2))) | 0, 0x85ebca6b) ^ (a >>> 13);
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

export class FakeRunner implements Runner {
  readonly config: ModelConfig;
  readonly schedule: Schedule;
  readonly contextLength: number;
  readonly runAhead: number;
  readonly lost: Promise<never>;
  /** Rejects `lost` and everything in flight. */
  readonly lose: (error: Error) => void;
  destroyed = false;
  /** Positions submitted by `step`, prefills by their [start, end). */
  readonly steps: number[] = [];
  readonly prefills: [number, number][] = [];
  /** Copies that were not destroyed. */
  readonly copies = new Set<KvCopy>();
  /** The next step rejects with this. */
  failNext: Error | undefined;

  readonly #chunk: number;
  readonly #block: number;
  readonly #refuseCopies: boolean;
  readonly #choose: NonNullable<FakeOptions['choose']>;
  readonly #choice: FakeChoice;
  readonly #global: number[] = [];
  readonly #local: number[] = []; // [chunk] values of the region
  /** Start of the chunk that the region holds, and how many slots of it were written in order. */
  #region = 0;
  #written = 0;
  #length = 0;
  #chosen = 0;
  #inFlight = 0;
  #prefilling = false;
  #last: Promise<unknown> = Promise.resolve();
  #failure: Error | undefined;

  constructor(options: FakeOptions = {}) {
    const { chunk = 8, contextLength = 64, runAhead = 3, block = 3, vocabSize = 97, eosTokenIds = [] } = options;
    this.#chunk = chunk;
    this.#block = block;
    this.#refuseCopies = options.refuseCopies ?? false;
    this.contextLength = contextLength;
    this.runAhead = runAhead;
    this.#choice = new FakeChoice(vocabSize, mix);
    this.#choose = options.choose ?? ((hash) => (hash >>> 0) % vocabSize);
    this.config = { vocabSize, eosTokenIds, numLocalExperts: 4, moeLayers: [0, 1] } as unknown as ModelConfig;
    const layer = { qkNorm: true, temperature: false, feedForward: 'moe' } as const;
    this.schedule = {
      chunk,
      layers: [
        { ...layer, index: 0, attention: 'chunked', rope: true },
        { ...layer, index: 1, attention: 'global', rope: false },
      ],
    };
    let lose: (error: Error) => void = () => {};
    this.lost = new Promise<never>((_, reject) => {
      lose = (error) => {
        this.#failure = error;
        reject(error);
      };
    });
    this.lost.catch(() => {});
    this.lose = lose;
  }

  adjust(adjustment: Adjustment | undefined, prompt: ArrayLike<number>): void {
    this.#check(!this.#prefilling, 'adjust during a prefill');
    this.#choice.adjust(adjustment, prompt);
  }

  async prefill(
    ids: ArrayLike<number>,
    start: number,
    sampling: Sampling,
    options: { signal?: AbortSignal | undefined; onProgress?: (processed: number) => void } = {},
  ): Promise<Sampled> {
    this.#check(this.#inFlight === 0 && !this.#prefilling, 'prefill while work is in flight');
    this.#check(ids.length > 0, 'prefill of nothing');
    this.#check(start <= this.#length, `prefill at ${start} leaves a gap after ${this.#length}`);
    const inRegion = start >= this.#region && start <= this.#region + this.#written;
    this.#check(start % this.#chunk === 0 || inRegion, `prefill at ${start} needs a chunk that local layers lost`);
    this.#check(start + ids.length <= this.contextLength, 'prefill beyond the context');
    this.#prefilling = true;
    this.#choice.begin();
    this.prefills.push([start, start + ids.length]);
    let hash = 0;
    try {
      for (const piece of cutPrompt(start, start + ids.length, this.#chunk, this.#block)) {
        await turn(); // back-pressure: an abort may come before anything is written ...
        options.signal?.throwIfAborted();
        for (let at = piece.start; at < piece.end; at++) hash = this.#process(ids[at - start]!, at);
        await turn();
        options.signal?.throwIfAborted(); // ... or after a block that was not reported yet
        if (this.#failure) throw this.#failure;
        options.onProgress?.(piece.end - start);
      }
      return this.#sample(hash, this.#length, sampling);
    } finally {
      this.#prefilling = false;
    }
  }

  step(position: number, sampling: Sampling): Promise<Sampled> {
    this.#check(!this.#prefilling, 'step during a prefill');
    this.#check(position === this.#length, `step at ${position}, but ${this.#length} is next`);
    this.#check(position < this.contextLength, 'step beyond the context');
    this.#check(this.#inFlight < this.runAhead, 'more than runAhead steps in flight');
    this.#check(position % this.#chunk !== 0 || this.#inFlight === 0, 'run-ahead over a chunk boundary');
    this.steps.push(position);
    const failure = this.failNext;
    this.failNext = undefined;
    this.#choice.feed(this.#chosen);
    const sampled = this.#sample(this.#process(this.#chosen, position), position + 1, sampling);
    this.#inFlight++;
    const before = this.#last;
    const done = (async () => {
      await before;
      await turn();
      this.#inFlight--;
      if (failure ?? this.#failure) throw failure ?? this.#failure;
      return sampled;
    })();
    this.#last = done.catch(() => {});
    return done;
  }

  async saveKv(length: number, reach: number): Promise<KvCopy | undefined> {
    this.#check(this.#inFlight === 0 && !this.#prefilling, 'a copy while work is in flight');
    this.#check(length <= this.#length && reach >= length, `a copy of ${length} of ${this.#length} up to ${reach}`);
    const bytes = this.kvCopyBytes(length, reach);
    const region = this.#regionOf(reach);
    const local = region < length ? this.#local.slice(0, length - region) : [];
    const copy: FakeCopy = {
      ...{ bytes, global: this.#global.slice(0, length), region, local },
      destroy: () => this.copies.delete(copy),
    };
    await turn();
    if (this.#refuseCopies) return undefined;
    this.copies.add(copy);
    return copy;
  }

  restoreKv(copy: KvCopy): void {
    this.#check(this.#inFlight === 0 && !this.#prefilling, 'a copy put back while work is in flight');
    this.#check(this.copies.has(copy), 'a copy that was destroyed is put back');
    const { global, region, local } = copy as FakeCopy;
    for (const [at, value] of global.entries()) this.#global[at] = value;
    for (const [slot, value] of local.entries()) this.#local[slot] = value;
    this.#region = region;
    this.#written = local.length;
    this.#length = global.length;
  }

  /** One byte a position in the global layer, and one in the local. */
  kvCopyBytes(length: number, reach: number): number {
    return length + Math.max(0, length - this.#regionOf(reach));
  }

  stepCost(position: number): StepCost {
    this.#check(position < this.contextLength, 'the cost of a step beyond the context');
    return { dispatches: 8, bytes: 1e6 + position, flops: 2e6 };
  }

  destroy(): void {
    const isIdle = this.#inFlight === 0 && !this.#prefilling;
    this.#check(isIdle || this.#failure !== undefined, 'destroyed while work is in flight');
    this.destroyed = true;
  }

  #regionOf(reach: number): number {
    return this.#chunk === Number.POSITIVE_INFINITY
      ? 0
      : Math.floor(Math.max(0, reach - 1) / this.#chunk) * this.#chunk;
  }

  #process(id: number, position: number): number {
    if (position % this.#chunk === 0) {
      this.#region = position; // restarts: nothing of the last chunk is visible, its slots are written over
      this.#written = 0;
    }
    let hash = mix(id, position);
    for (let at = 0; at < position; at++) hash = mix(hash, this.#global[at]!);
    for (let at = this.#region; at < position; at++) hash = mix(hash, this.#local[at % this.#chunk]!);
    this.#global[position] = mix(hash, 1);
    this.#local[position % this.#chunk] = mix(hash, 2);
    this.#written = position - this.#region + 1;
    this.#length = position + 1;
    return hash;
  }

  #sample(hash: number, position: number, sampling: Sampling): Sampled {
    this.#check(sampling.random >= 0 && sampling.random < 1, 'random outside [0, 1)');
    const seen = sampling.temperature === 0 ? hash : mix(hash, Math.floor(sampling.random * 0x100_0000));
    const choice = this.#choice.choose(this.#choose(seen, position, sampling), seen, sampling);
    this.#chosen = choice.id;
    return { ...choice, experts: Uint32Array.of((hash >>> 4) & 3, (hash >>> 8) & 3) };
  }

  #check(legal: boolean, misuse: string): void {
    if (!legal || this.destroyed) throw new Error(`Runner misused: ${this.destroyed ? 'used after destroy' : misuse}`);
  }
}
