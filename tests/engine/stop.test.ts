import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopMatcher } from '../../src/engine/stop.ts';

/** The meaning, without streaming: the shortest prefix that ends in a stop string decides. */
function cut(text: string, stops: readonly string[]): string {
  for (let end = 1; end <= text.length; end++) {
    const ending = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    if (ending.length > 0) return text.slice(0, end - Math.max(...ending.map((stop) => stop.length)));
  }
  return text;
}

function stream(pieces: readonly string[], stops: readonly string[]): string {
  const matcher = new StopMatcher(stops);
  let shown = '';
  for (const piece of pieces) {
    const { text, stopped } = matcher.push(piece);
    shown += text;
    if (stopped) return shown;
  }
  return shown + matcher.end();
}

describe('StopMatcher', () => {
  it('shows the same text however it is cut into pieces, and never a part of a stop string', () => {
    const text = (max: number) => fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: max });
    const stops = fc.array(
      text(4).filter((stop) => stop !== ''),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(fc.array(text(5), { maxLength: 8 }), stops, (pieces, list) => {
        expect(stream(pieces, list)).toBe(cut(pieces.join(''), list));
      }),
      { numRuns: 2000 },
    );
  });

  it('holds back only what may become a stop string', () => {
    const matcher = new StopMatcher(['\n\nUser:']);
    expect(matcher.push('Hello\n')).toEqual({ text: 'Hello', stopped: false });
    expect(matcher.push('\nUs')).toEqual({ text: '', stopped: false });
    expect(matcher.push('ual')).toEqual({ text: '\n\nUsual', stopped: false });
  });
});
