/** The SharedWorker's side: answers each tab for its part in an engine. */
import type { ModelFacts } from '../../engine/facts.ts';
import { OutriderError } from '../../errors.ts';
import { answerCalls, Caller } from '../../ports/calls.ts';
import { holdLife, type LockRequester, nameLife, whenGone } from '../../ports/life.ts';
import { type EngineFactory, EngineHost, sendItem, withStop } from '../host.ts';
import type { RemoteLoadOptions } from '../protocol.ts';
import { SharedEngines } from './engines.ts';
import type { Probe, ReadingTab, RemoteTab, SharedModel } from './protocol.ts';
import { TabEngine } from './tab.ts';

/** What a SharedWorker stands on: the browser's, or a test's. */
export interface SharedPlatform {
  readonly gpu: Pick<GPU, 'requestAdapter'> | undefined;
  readonly locks: LockRequester;
}

/** @returns what answers a tab, on the port that it connected with */
export function answerTabs(
  createEngine: EngineFactory,
  platform: SharedPlatform = navigator as SharedPlatform,
): (port: MessagePort) => void {
  const engines = new SharedEngines(createEngine, platform.locks);
  const life = nameLife('shared');
  const living = holdLife(life, platform.locks).then(() => life);
  return (port) => answerCalls(port, new TabHost(port, engines, platform, living));
}

class TabHost extends EngineHost implements RemoteTab {
  readonly #port: MessagePort;
  readonly #engines: SharedEngines;
  readonly #platform: SharedPlatform;
  readonly #living: Promise<string>;
  readonly #left = new AbortController();

  constructor(port: MessagePort, engines: SharedEngines, platform: SharedPlatform, living: Promise<string>) {
    super();
    this.#port = port;
    this.#engines = engines;
    this.#platform = platform;
    this.#living = living;
  }

  async probe(powerPreference: GPUPowerPreference | undefined): Promise<Probe> {
    const life = await this.#living;
    const { gpu } = this.#platform;
    if (!gpu) return { life, missing: 'this browser has no WebGPU in SharedWorkers' };
    const adapter = await gpu.requestAdapter({ powerPreference });
    return { life, missing: adapter ? undefined : 'WebGPU has no adapter in SharedWorkers' };
  }

  join(
    model: SharedModel,
    options: RemoteLoadOptions,
    life: string,
    progress: MessagePort,
    reading: MessagePort,
  ): Promise<ModelFacts> {
    const left = this.#left.signal;
    whenGone(life, left, () => this.#pageGone(), this.#platform.locks);
    left.addEventListener('abort', () => reading.close(), { once: true });
    return withStop(progress, async (stop) => {
      stop.addEventListener('abort', () => this.#leave(), { once: true });
      const onProgress = sendItem.bind(undefined, progress);
      const tab = { reading: new Caller<ReadingTab>(reading), left, onProgress };
      try {
        const shared = await this.#engines.join(model, options, tab);
        this.engine = new TabEngine(shared, life, left, async () => {
          this.#leave();
          await this.#engines.freed();
        });
        return shared.model;
      } catch (error) {
        this.#leave();
        throw error;
      }
    });
  }

  #leave(): void {
    this.#left.abort(new OutriderError('engine_unloaded', 'The engine was unloaded. Create another one to go on.'));
  }

  /** It cannot say stop to anything any more. */
  #pageGone(): void {
    this.#leave();
    this.endAll();
    this.#port.close();
  }
}
