/** The default worker: a module of its own, inlined into the library and started from a Blob. */
import { createTextEngine } from '../engine/create.ts';
import { answerPage } from './host.ts';
import { type HostScope, onConnect } from './protocol.ts';

onConnect(globalThis as unknown as HostScope, (port) => answerPage(port, createTextEngine));
