/** The loader's worker: a module of its own, inlined into the library's loader chunk and started from a Blob. */
import { openWebSource } from '../storage/open.ts';
import { answerLoaderCalls } from './host.ts';

addEventListener('message', ({ data }: MessageEvent<MessagePort>) => answerLoaderCalls(data, openWebSource), {
  once: true,
});
