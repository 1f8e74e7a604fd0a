import { describe, expect, it } from 'vitest';
import { encodeConversation } from '../../src/chat/conversation.ts';
import { loadScoutling, scoutlingTemplate } from '../tokenizer/models.ts';
import { templateOf } from './cases.ts';

const tokenizer = loadScoutling();
const template = templateOf(scoutlingTemplate(), tokenizer);
const end = tokenizer.specialTokens.get('<|eot|>')!;

describe('a conversation with known answers', () => {
  const first = [{ role: 'user', content: 'A story, please.' }];
  // One id per byte: the same text, and never what the tokenizer would choose.
  const answer = 'Once upon\n\na time';
  const generated = Array.from(answer, (character) => tokenizer.encodeText(character)[0]!);
  const second = [...first, { role: 'assistant', content: answer }, { role: 'user', content: 'More!' }];
  const idsOf = (index: number) => (index === 1 ? generated : undefined);

  it('extends the prompt and the ids that were generated for it', () => {
    const prompt = encodeConversation(tokenizer, template, first);
    const ids = encodeConversation(tokenizer, template, second, { idsOf });
    expect(ids.slice(0, prompt.length + generated.length + 1)).toEqual([...prompt, ...generated, end]);
    expect(tokenizer.decode(ids, { skipSpecial: false })).toBe(
      tokenizer.decode(encodeConversation(tokenizer, template, second), { skipSpecial: false }),
    );
    expect(ids).not.toEqual(encodeConversation(tokenizer, template, second));
  });

  it('keeps ids beside text that looks like the place of an answer', () => {
    const odd = [{ role: 'user', content: '\u3400@1\u3400' }, ...second.slice(1)];
    const ids = encodeConversation(tokenizer, template, odd, { idsOf });
    expect(ids.join()).toContain(generated.join());
    expect(tokenizer.decode(ids, { skipSpecial: false })).toContain('\u3400@1\u3400');
  });

  it('is encoded from its text where the template changes earlier answers', () => {
    const trimming = templateOf(
      "{% for m in messages %}{{ m.content.split('\n\n')[-1] }}<|eot|>{% endfor %}",
      tokenizer,
    );
    const ids = encodeConversation(tokenizer, trimming, second, { idsOf });
    expect(ids).toEqual(encodeConversation(tokenizer, trimming, second));
  });

  it('takes ids only for the text of assistants', () => {
    const parts = [...first, { role: 'assistant', content: [{ type: 'text', text: answer }] }, second[2]!];
    expect(encodeConversation(tokenizer, template, parts, { idsOf: () => generated })).toEqual(
      encodeConversation(tokenizer, template, second),
    );
  });
});
