/** The default SharedWorker: a module with a URL, because tabs cannot share what is started from a Blob. */
import { createTextEngine } from '../../engine/create.ts';
import { type HostScope, onTab } from '../protocol.ts';
import { answerTabs } from './host.ts';

onTab(globalThis as unknown as HostScope, answerTabs(createTextEngine));
