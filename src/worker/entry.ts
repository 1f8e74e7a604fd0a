/** The default worker: a module of its own, inlined into the library and started from a Blob. */
import { createInThreadEngine } from '../api/in-thread.ts';
import { type HostScope, serveEngines } from './host.ts';

serveEngines(globalThis as unknown as HostScope, createInThreadEngine);
