/**
 * The engine's worker as a file: the default SharedWorker, because tabs cannot share what is started from a Blob, and what
 * a page under a policy without `blob:` starts itself (`outrider/worker`). Elsewhere than in a worker it does nothing.
 */
import { createTextEngine } from '../engine/create.ts';
import { openReader } from '../loader/local.ts';
import { answerPage } from './host.ts';
import { type HostScope, onConnect, onTab } from './protocol.ts';
import { answerTabs } from './shared/host.ts';

if ('WorkerGlobalScope' in globalThis) {
  const scope = globalThis as unknown as HostScope;
  onConnect(scope, (port) => answerPage(port, createTextEngine, openReader));
  onTab(scope, answerTabs(createTextEngine));
}
