import { describe, expect, it } from 'vitest';
import { AnswerMemory } from '../../src/engine/answers.ts';

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });

describe('AnswerMemory', () => {
  it('knows an answer only after the very messages that it followed', () => {
    const memory = new AnswerMemory();
    memory.remember([user('a'), assistant('b')], [1, 2]);
    memory.remember([user('a'), assistant('b'), user('c'), assistant('d')], [3]);
    expect(memory.recall([user('a'), assistant('b'), user('c'), assistant('d'), user('e')])).toEqual([
      undefined,
      [1, 2],
      undefined,
      [3],
      undefined,
    ]);
    expect(memory.recall([user('a'), assistant('B'), user('c'), assistant('d')])).toEqual(new Array(4).fill(undefined));
    expect(memory.recall([user('c'), assistant('d')])).toEqual([undefined, undefined]);
  });

  it('takes null, absence and the order of fields for the same', () => {
    const memory = new AnswerMemory();
    memory.remember([user('a'), assistant('b')], [1]);
    expect(memory.recall([user('a'), { content: 'b', refusal: null, name: undefined, role: 'assistant' }])[1]).toEqual([
      1,
    ]);
  });

  it('forgets the oldest first, and never outgrows its capacity', () => {
    const memory = new AnswerMemory(2000);
    const conversation = (name: number) => [user(`question ${name}`), assistant(`answer ${name}`)];
    for (let name = 0; name < 1000; name++) {
      memory.remember(conversation(name), [name]);
      memory.recall(conversation(0)); // in use: stays young
    }
    const known = Array.from({ length: 1000 }, (_, name) => memory.recall(conversation(name))[1]?.[0]).filter(
      (id) => id !== undefined,
    );
    expect(known[0]).toBe(0);
    expect(known.at(-1)).toBe(999);
    expect(known.length).toBeGreaterThan(5);
    expect(known.length).toBeLessThan(40);
  });
});
