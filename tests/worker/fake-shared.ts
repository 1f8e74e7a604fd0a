/** A SharedWorker and the tabs that have it, in one thread: the same messages, locks and readers. */
import { createTextEngine } from '../../src/engine/create.ts';
import type { LoadOptions } from '../../src/engine/load.ts';
import { serveReader } from '../../src/loader/serve.ts';
import type { ModelReader } from '../../src/model/reader.ts';
import { holdLife, type LockRequester, nameLife } from '../../src/ports/life.ts';
import { type HostScope, onTab } from '../../src/worker/protocol.ts';
import { joinEngine, type SharedWorkerLike } from '../../src/worker/shared/client.ts';
import { answerTabs } from '../../src/worker/shared/host.ts';
import { byteSource, type FakeModel, readerOf } from '../engine/fake-model.ts';
import { fakeLocks } from './fake-locks.ts';

export interface FakeShared {
  /** How many models were loaded, and readers opened, so far. */
  readonly loads: number;
  readonly readers: number;
  /** A page: `join` asks for an engine, `crash` ends it without a word. */
  openTab(reader?: ModelReader): FakeTab;
  /** Ends the worker without a word, as where memory is short. */
  kill(): void;
  readonly locks: ReturnType<typeof fakeLocks>;
}

export interface FakeTab {
  join(options?: LoadOptions, key?: string): ReturnType<typeof joinEngine>;
  /** The page ends without a word: it lets go of its locks, and its loader is gone. */
  crash(): void;
  /** What a test still has of the page goes too. */
  close(): void;
}

/** @param models each load takes the next one; the last one serves all that follow */
export function fakeShared(models: FakeModel[], { gpu = true, adapter = true } = {}): FakeShared {
  const locks = fakeLocks();
  const scope = new EventTarget();
  const state = { loads: 0, readers: 0 };
  const requestAdapter = async () => (adapter ? ({} as GPUAdapter) : null);
  const ends: (() => void)[] = [];
  const platform = { gpu: gpu ? { requestAdapter } : undefined, locks: { request: untilEnd(locks, ends) } };
  onTab(
    scope as HostScope,
    answerTabs((reader, name, options) => {
      const model = models[Math.min(state.loads++, models.length - 1)]!;
      return createTextEngine(reader, name, options, model.load);
    }, platform),
  );

  const openTab = (reader = readerOf(byteSource)): FakeTab => {
    const { port1, port2 } = new MessageChannel();
    scope.dispatchEvent(Object.assign(new Event('connect'), { ports: [port2] }));
    const worker = Object.assign(new EventTarget(), { port: port1 }) as unknown as SharedWorkerLike & EventTarget;
    const crashes: (() => void)[] = [];
    return {
      join(options = {}, key = 'bytes') {
        const ends: (() => void)[] = [];
        const end = () => {
          for (const one of ends.splice(0)) one();
        };
        crashes.push(end);
        const open = async (port: MessagePort) => {
          state.readers++;
          serveReader(port, reader);
          const life = nameLife('loader');
          ends.push(await holdLife(life, locks), () => port.close());
          return { label: 'bytes', life };
        };
        const held = { request: untilEnd(locks, ends) };
        return joinEngine(worker, { name: 'bytes', key }, options, { open, close: end }, () => {}, held);
      },
      crash: () => {
        for (const crash of crashes.splice(0)) crash();
      },
      close: () => {
        worker.dispatchEvent(Object.assign(new Event('error'), { message: 'closed' }));
        port1.close();
      },
    };
  };
  return {
    get loads() {
      return state.loads;
    },
    get readers() {
      return state.readers;
    },
    openTab,
    kill: () => {
      for (const end of ends.splice(0)) end();
    },
    locks,
  };
}

/** Locks as a page has them: it lets go of all at its end. */
function untilEnd(locks: LockRequester, ends: (() => void)[]): LockManager['request'] {
  const request = (name: string, ...rest: unknown[]) => {
    const callback = rest.at(-1) as (lock: unknown) => unknown;
    const held = (lock: unknown) => Promise.race([callback(lock), new Promise<void>((end) => ends.push(end))]);
    const options = (rest.length > 1 ? rest[0] : {}) as LockOptions;
    return locks.request(name, options, held);
  };
  return request as LockManager['request'];
}
