import { describe, expect, it } from 'vitest';
import { restoreTurns, type Turn, toMessages, upToLastQuestion } from '../../../src/pages/chat/conversation.ts';

const turns: Turn[] = [
  { role: 'user', text: 'Hi' },
  { role: 'assistant', text: '', outcome: 'stopped' },
  { role: 'user', text: 'A story' },
  { role: 'assistant', text: 'Once', outcome: 'complete' },
];

describe('a conversation', () => {
  it('is sent with the system prompt first and without answers that say nothing', () => {
    expect(toMessages(turns, 'Be brief.')).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
      { role: 'user', content: 'A story' },
      { role: 'assistant', content: 'Once' },
    ]);
  });

  it('is regenerated from its last question', () => {
    expect(upToLastQuestion(turns)).toEqual(turns.slice(0, 3));
    expect(upToLastQuestion([])).toEqual([]);
  });

  it('comes back from storage as it was, and without what is no turn', () => {
    expect(restoreTurns(JSON.parse(JSON.stringify(turns)))).toEqual(turns);
    expect(restoreTurns([null, 7, { role: 'user' }, { role: 'system', text: 'x' }, turns[0]])).toEqual([turns[0]]);
    expect(restoreTurns({})).toEqual([]);
  });
});
