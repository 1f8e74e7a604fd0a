import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SentenceSplitter } from '../../src/element/announcer.ts';

/** What is spoken when `text` arrives in pieces of `step` characters. */
function speak(text: string, step: number): string[] {
  const splitter = new SentenceSplitter();
  const spoken: string[] = [];
  for (let at = 0; at < text.length; at += step) spoken.push(...splitter.push(text.slice(at, at + step)));
  return [...spoken, ...splitter.flush()];
}

describe('an answer for the ear', () => {
  it('is cut into sentences, without the marks of Markdown', () => {
    expect(speak('Once **upon** a time. A [dragon](https://x.y) lived!\n\n- It liked `soup`', 1)).toEqual([
      'Once upon a time.',
      'A dragon lived!',
      '- It liked soup',
    ]);
  });

  it('loses no word, however the text arrives', () => {
    const words = fc.array(fc.constantFrom('a', 'dragon', 'ran.', 'Why?', '“No!”', '\n'), { maxLength: 40 });
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 9 }), (parts, step) => {
        const text = parts.join(' ');
        expect(speak(text, step).join(' ').split(/\s+/).filter(Boolean)).toEqual(text.split(/\s+/).filter(Boolean));
      }),
    );
  });
});
