import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  choose,
  emptyTree,
  forksOf,
  type Message,
  pathTo,
  shownPath,
  type Tree,
  titleFrom,
  toMessages,
  withMessage,
} from '../../../../src/pages/chat/conversations/tree.ts';

let time = 0;
const question = (id: string, parent: string | null, text = id): Message => ({
  id,
  parent,
  role: 'user',
  text,
  createdAt: ++time,
});
const answer = (id: string, parent: string, text = id): Message => ({
  id,
  parent,
  role: 'assistant',
  text,
  outcome: 'complete',
  createdAt: ++time,
});
const ids = (messages: readonly Message[]) => messages.map(({ id }) => id);
const grow = (tree: Tree, ...messages: Message[]) => choose(messages.reduce(withMessage, tree), messages.at(-1)!.id);

describe('a conversation as a tree', () => {
  const told = grow(emptyTree, question('q1', null), answer('a1', 'q1'), question('q2', 'a1'), answer('a2', 'q2'));
  const edited = grow(told, question('q1b', null), answer('a3', 'q1b'));
  const regenerated = grow(edited, answer('a3b', 'q1b'));

  it('shows the branch that was added last, and says where others are', () => {
    expect(ids(shownPath(regenerated))).toEqual(['q1b', 'a3b']);
    const forks = forksOf(regenerated, shownPath(regenerated));
    expect(forks.get('q1b')).toEqual({ ids: ['q1', 'q1b'], at: 1 });
    expect(forks.get('a3b')).toEqual({ ids: ['a3', 'a3b'], at: 1 });
  });

  it('goes back to an earlier branch in full, and to where it was in the other one', () => {
    const back = choose(regenerated, 'q1');
    expect(ids(shownPath(back))).toEqual(['q1', 'a1', 'q2', 'a2']);
    expect(forksOf(back, shownPath(back)).get('a2')).toBeUndefined();
    const older = choose(choose(regenerated, 'a3'), 'q1');
    expect(ids(shownPath(choose(older, 'q1b')))).toEqual(['q1b', 'a3']);
  });

  it('is asked with the path to the question alone, the system prompt first, without answers that say nothing', () => {
    const tree = grow(told, answer('empty', 'q2', ''), question('q3', 'empty'));
    expect(toMessages(pathTo(tree, 'q3'), 'Be brief.')).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'q1' },
      { role: 'assistant', content: 'a1' },
      { role: 'user', content: 'q2' },
      { role: 'user', content: 'q3' },
    ]);
    expect(toMessages([], undefined)).toEqual([]);
  });

  it('is asked with calls and their results where there are results; calls that nobody answered and text that a server superseded are left out', () => {
    const calls = [{ id: 'x', name: 'add', arguments: '{"a":1}' }];
    const called: Message = { ...answer('c1', 'q2', ''), role: 'assistant', outcome: 'complete', calls };
    const results: Message = { id: 'r1', parent: 'c1', role: 'tool', text: '', results: ['3'], createdAt: ++time };
    expect(toMessages(pathTo(grow(told, called, results), 'r1'), undefined).slice(3)).toEqual([
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'x', type: 'function', function: { name: 'add', arguments: '{"a":1}' } }],
      },
      { role: 'tool', tool_call_id: 'x', content: '3' },
    ]);
    const anew: Message = {
      ...answer('s1', 'q2', 'half an answ42'),
      role: 'assistant',
      outcome: 'complete',
      remote: { origin: 'https://gpu.example', model: 'scout', superseded: 12 },
    };
    expect(toMessages(pathTo(grow(told, anew), 's1'), undefined).at(-1)?.content).toBe('42');
    const unanswered = toMessages(pathTo(grow(told, called, question('q3', 'c1')), 'q3'), undefined);
    expect(unanswered.slice(3)).toEqual([{ role: 'user', content: 'q3' }]);
  });

  it('loses no message, whatever is asked, regenerated and chosen: every one can be shown again', () => {
    const step = fc.record({ kind: fc.constantFrom('ask', 'edit', 'regenerate', 'choose'), pick: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let tree = emptyTree;
        let count = 0;
        const pair = (parent: string | null) => {
          const id = `q${++count}`;
          return grow(tree, question(id, parent), answer(`a${count}`, id));
        };
        for (const { kind, pick } of steps) {
          const path = shownPath(tree);
          const at = path[pick % Math.max(1, path.length)];
          if (kind === 'ask' || !at) tree = pair(path.at(-1)?.id ?? null);
          else if (kind === 'edit' && at.role === 'user') tree = pair(at.parent);
          else if (kind === 'regenerate' && at.role === 'assistant')
            tree = grow(tree, answer(`r${++count}`, at.parent!));
          else if (kind === 'choose') {
            const fork = forksOf(tree, path).get(at.id);
            if (fork) tree = choose(tree, fork.ids[pick % fork.ids.length]!);
          }
        }
        for (const id of tree.messages.keys()) {
          const shown = ids(shownPath(choose(tree, id)));
          expect(shown).toContain(id);
          expect(shown.slice(0, shown.indexOf(id) + 1)).toEqual(ids(pathTo(tree, id)));
        }
      }),
    );
  });

  it('comes to an end even where what was stored goes in circles or lacks a parent', () => {
    const circle = [question('a', 'b'), answer('b', 'a')].reduce(withMessage, emptyTree);
    expect(shownPath(circle)).toEqual([]);
    expect(ids(pathTo(circle, 'a')).length).toBeLessThanOrEqual(2);
    expect(choose(circle, 'a').chosen.size).toBe(2);
    expect(shownPath(withMessage(emptyTree, question('c', 'gone')))).toEqual([]);
  });
});

describe('a title', () => {
  it.each([
    ['Tell me\n  a story ', 'Tell me a story'],
    [`Why ${'very '.repeat(30)}long?`, `Why ${'very '.repeat(11).trim()}…`],
    ['👩‍👩‍👧‍👦'.repeat(70), `${'👩‍👩‍👧‍👦'.repeat(60)}…`],
    [' \n ', 'Untitled'],
  ])('is one short line, cut between words and never inside a character (%#)', (question, title) => {
    expect(titleFrom(question)).toBe(title);
  });
});
