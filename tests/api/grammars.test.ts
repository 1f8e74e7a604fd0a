/** Opening a grammar ends when it is interrupted, whatever it waits for; the next request opens its own. */
import { expect, it } from 'vitest';
import { createGrammars } from '../../src/api/grammars.ts';
import type { Vocabulary } from '../../src/engine/request.ts';

it('a grammar that is being opened is interrupted, and one that is opened later is not', async () => {
  let answerAll = (_: Vocabulary) => {};
  const asked = new Promise<Vocabulary>((resolve) => {
    answerAll = resolve;
  });
  const grammars = createGrammars({ vocabulary: () => asked });
  const { signal } = new AbortController();
  const interrupted = grammars.open({ kind: 'json' }, signal);
  grammars.interrupt();
  await expect(interrupted).rejects.toMatchObject({ name: 'AbortError' });

  const later = grammars.open({ kind: 'json' }, signal);
  answerAll({ bytes: Array.from({ length: 128 }, (_, id) => Uint8Array.of(id)), endIds: [0] });
  (await later).close();
  grammars.close();
});
