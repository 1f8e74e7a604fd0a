/** The loader's worker: a module of its own, inlined into the library's loader chunk and started from a Blob. */
import { answerCalls, Caller } from '../ports/calls.ts';
import { openWebSource } from '../storage/open.ts';
import { openBrowserCache } from './browser-cache.ts';
import { Loader } from './host.ts';
import type { LoaderServices } from './services.ts';

/** What the page sends first: where its calls come from, and where ours go. */
export interface LoaderPorts {
  readonly calls: MessagePort;
  readonly services: MessagePort;
  /** A lock that this worker holds as long as it lives, so that the page hears of its end: no event tells of it. */
  readonly life: string;
}

addEventListener(
  'message',
  ({ data: { calls, services: port, life } }: MessageEvent<LoaderPorts>) => {
    void navigator.locks?.request(life, () => {
      (postMessage as (message: unknown) => void)(life);
      return new Promise(() => {});
    });
    const remote = new Caller<LoaderServices>(port);
    const services: LoaderServices = {
      startHashWorker: (to) => remote.call('startHashWorker', to),
      listRepository: (location, { token }) => remote.call('listRepository', location, { token }),
    };
    const { listRepository } = services;
    const loader = new Loader(
      (location, options) => openWebSource(location, { ...options, listRepository }),
      openBrowserCache(services),
    );
    answerCalls(calls, loader);
  },
  { once: true },
);
