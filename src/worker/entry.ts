/** The default worker: a module of its own, inlined into the library and started from a Blob. */
import { createInThreadEngine } from '../api/in-thread.ts';
import { answerPage } from './host.ts';
import { type HostScope, onConnect } from './protocol.ts';

onConnect(globalThis as unknown as HostScope, (port) => answerPage(port, createInThreadEngine));
