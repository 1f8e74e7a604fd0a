/** The library's loader in its worker, over a source that promises hashes as a repository does. */
import { openBrowserCache } from '../../../loader/browser-cache.ts';
import { Loader } from '../../../loader/host.ts';
import { createServices } from '../../../loader/services.ts';
import { answerCalls } from '../../../ports/calls.ts';
import { openWebSource } from '../../../storage/open.ts';
import { withPromisedHashes } from '../sources.ts';
import type { StageRequest } from '../types.ts';
import { onceConnected } from './connected.ts';

export interface LoaderSetup extends Pick<StageRequest, 'files'> {
  readonly port: MessagePort;
}

onceConnected<LoaderSetup>(({ port, files }) => {
  const cache = openBrowserCache(createServices(() => {})); // its workers end with this one
  answerCalls(
    port,
    new Loader(async (location, options) => withPromisedHashes(await openWebSource(location, options), files), cache),
  );
});
