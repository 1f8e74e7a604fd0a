/** One stage of a load alone, in a worker as the loader is one. */
import { createHashWorker } from '../../../loader/hash.ts';
import { answerCalls } from '../../../ports/calls.ts';
import { createWorkerHashers } from '../../../storage/cache/hasher.ts';
import { createOpfsStore } from '../../../storage/cache/opfs.ts';
import { prepareDisk, prepareFetch, prepareHash, preparePartHash } from '../solo.ts';
import type { StageRequest, Work, WorkDone } from '../types.ts';
import { onceConnected } from './connected.ts';

export interface SoloCalls {
  prepare(request: StageRequest): void;
  run(): Promise<WorkDone>;
}

let work: Work;

function workOf(request: StageRequest): Work {
  switch (request.stage) {
    case 'fetch':
      return prepareFetch(request);
    case 'part-hash':
      return preparePartHash(request);
    case 'hash':
      return prepareHash(request, createWorkerHashers(createHashWorker));
    case 'disk':
      return prepareDisk(request, createOpfsStore());
    default:
      throw new Error(`${request.stage} is no stage of one worker alone`);
  }
}

onceConnected(({ port }) =>
  answerCalls(port, {
    prepare: (request) => {
      work = workOf(request);
    },
    run: () => work(),
  } satisfies SoloCalls),
);
