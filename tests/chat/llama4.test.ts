import { describe, expect, it } from 'vitest';
import type { Segment } from '../../src/tokenizer/tokenizer.ts';
import { chatGoldens, hasLlama4, llama4Cases, loadLlama4, scoutlingTemplate } from '../tokenizer/models.ts';
import { type Case, inputOf, templateOf, textOf } from './cases.ts';

const FIRST_SPECIAL = 200_000;
const specialIds = (ids: readonly number[]) => ids.filter((id) => id >= FIRST_SPECIAL);

describe.skipIf(!hasLlama4)("Llama 4's own tokenizer (needs ../shared/data/llama4-tokenizer and goldens/chat)", () => {
  const tokenizer = hasLlama4 ? loadLlama4() : undefined!;

  it('equals tiktoken on all 3,182 public cases, and decodes them back', () => {
    const golden = llama4Cases();
    // One case holds special-token text that its golden ids count as special tokens: it is what a template writes.
    const isRendered = ({ ids }: { ids: readonly number[] }) => specialIds(ids).length > 0;
    const wrong = golden.filter(({ t, ids }) => {
      const encoded = isRendered({ ids }) ? tokenizer.encodeRendered(cut(t)) : tokenizer.encodeText(t);
      return encoded.join() !== ids.join() || tokenizer.decode(encoded, { skipSpecial: false }) !== t;
    });
    expect(wrong).toEqual([]);
    expect([golden.length, golden.filter(isRendered).length, tokenizer.numTokens]).toEqual([3182, 1, 201_134]);
  });

  /** Text as segments, the special tokens in it taken as such. */
  function cut(text: string): Segment[] {
    const pieces = text.split(/(<\|\w+\|>)/).filter((piece) => piece !== '');
    return pieces.map((piece) => (tokenizer.specialTokens.has(piece) ? { special: piece } : { text: piece }));
  }

  it('with its template renders all 93 goldens as Transformers does, but typed special tokens stay text', () => {
    const template = templateOf(scoutlingTemplate(), tokenizer);
    const specials = [...tokenizer.specialTokens.keys()];
    const counts = { equalIds: 0, typedSpecials: 0, refused: 0 };
    for (const chat of chatGoldens() as Case[]) {
      const render = () => template.render(inputOf(chat));
      if (chat.error) {
        expect(render, chat.name).toThrow(expect.objectContaining({ code: 'template_error' }));
        counts.refused++;
        continue;
      }
      const rendered = render();
      expect(textOf(rendered), chat.name).toBe(chat.rendered);
      const ids = tokenizer.encodeRendered(rendered);
      if (specials.some((special) => JSON.stringify([chat.messages, chat.tools]).includes(special))) {
        expect(specialIds(ids).length, chat.name).toBeLessThan(specialIds(chat.ids!).length);
        expect(tokenizer.decode(ids, { skipSpecial: false }), chat.name).toBe(chat.rendered);
        counts.typedSpecials++;
      } else {
        expect(ids, chat.name).toEqual(chat.ids);
        counts.equalIds++;
      }
    }
    expect(counts).toEqual({ equalIds: 66, typedSpecials: 24, refused: 3 });
  });
});
