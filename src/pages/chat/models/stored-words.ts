/** What is stored of models, in words. Pure. */
import { formatBytes } from '../../shared/format.ts';

/** What is kept of all models, and how safely. */
export function describeStorage(used: number, persisted: boolean): string {
  if (used === 0) return 'No model is stored on this machine yet.';
  const how = persisted
    ? 'The browser keeps them until you delete them.'
    : 'The browser keeps them until it needs the space.';
  return `Models take ${formatBytes(used)} on this machine. ${how}`;
}

/** The outcome of looking at every stored byte. */
export function describeVerification(numBadParts: number, bytes: number): string {
  if (numBadParts === 0) return `All ${formatBytes(bytes)} are as they were received.`;
  const parts = numBadParts === 1 ? 'One damaged part was' : `${numBadParts} damaged parts were`;
  return `${parts} found. Loading the model fetches ${numBadParts === 1 ? 'it' : 'them'} again, and nothing else.`;
}
