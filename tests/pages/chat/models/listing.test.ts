import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../../src/pages/chat/models/address.ts';
import { listRows } from '../../../../src/pages/chat/models/listing.ts';

const home = { base: 'https://chat.test/', embedded: 'https://chat.test/models/tiny' };
const entry = (typed: string) => parseAddress(typed, home);
const stored = (id: string, bytes: number, size: number) => ({
  id,
  label: id,
  bytes,
  size,
  complete: bytes === size,
});

describe('the list of models', () => {
  it('joins what is known, stored and going on, one row per model', () => {
    const known = ['/models/tiny', 'owner/scout', 'https://far.test/a', 'https://far.test/b', 'https://far.test/c'];
    const rows = listRows(
      known.map(entry),
      [
        stored('https://chat.test/models/tiny', 30, 30),
        stored(`hf:owner/scout@${'a'.repeat(40)}`, 20, 50),
        stored(`hf:owner/scout@${'b'.repeat(40)}`, 54, 54), // a newer commit
        stored('https://far.test/a', 0, 10),
        stored('https://far.test/forgotten', 7, 7),
        { ...stored('https://far.test/b2', 7, 9), problem: 'Its journal cannot be read.' },
      ],
      { key: 'https://far.test/b', state: 'loading' },
      entry,
    );
    expect(rows.map(({ entry, state, stored }) => [entry.key, state, stored?.bytes])).toEqual([
      ['https://chat.test/models/tiny', 'complete', 30],
      ['hf:owner/scout', 'complete', 54],
      ['https://far.test/a', 'absent', 0],
      ['https://far.test/b', 'loading', undefined],
      ['https://far.test/c', 'absent', undefined],
      [`hf:owner/scout@${'a'.repeat(40)}`, 'partial', 20],
      ['https://far.test/forgotten', 'complete', 7],
      ['https://far.test/b2', 'broken', 7],
    ]);
  });

  it('says of the engine’s own model what it does, not what is stored', () => {
    const state = (active: 'loading' | 'paused' | 'ready') =>
      listRows([entry('owner/a')], [stored('hf:owner/a@1', 1, 2)], { key: 'hf:owner/a', state: active }, entry)[0]!
        .state;
    expect((['loading', 'paused', 'ready'] as const).map(state)).toEqual(['loading', 'paused', 'in-use']);
  });
});
