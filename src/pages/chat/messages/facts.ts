/** How an answer ended, what it cost, and where it was computed, in words. Pure. */
import { formatCount, formatRate } from '../../shared/format.ts';
import type { Answer, Outcome } from '../conversations/tree.ts';

const endings: Record<Outcome, string> = {
  complete: '',
  length: 'Cut off at the token limit',
  stopped: 'Stopped',
  failed: 'Interrupted',
};

/** One fact after the other, the most important first; none of a complete answer without statistics. */
export function describeAnswer({ outcome, stats, remote }: Answer): readonly string[] {
  const facts: string[] = [];
  if (outcome !== 'complete') facts.push(endings[outcome]);
  if (remote) facts.push(`Computed by ${remote.origin} (${remote.model}), not on this machine`);
  if (remote?.superseded) {
    facts.push(`Begun anew there: the first ${formatCount(remote.superseded, 'character')} were written here`);
  }
  if (stats) {
    const { completionTokens, tokensPerSecond, promptTokens, cachedTokens, secondsToFirstToken } = stats;
    facts.push(formatCount(completionTokens, 'token'), `${formatRate(tokensPerSecond)} tokens/s`);
    facts.push(
      `prompt ${promptTokens.toLocaleString('en')}${cachedTokens > 0 ? `, ${cachedTokens.toLocaleString('en')} cached` : ''}`,
    );
    facts.push(`first after ${secondsToFirstToken.toFixed(secondsToFirstToken < 10 ? 2 : 0)} s`);
  }
  return facts;
}
