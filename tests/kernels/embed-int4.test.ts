import { describe, it } from 'vitest';
import { cases, embedInt4Data } from '../../src/reference/embed-int4.ts';
import { checkEmbed } from './embed.ts';
import { useLab } from './harness.ts';
import { storageOf } from './projection.ts';

describe('embed-int4 looks up what its oracle looks up', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const data = embedInt4Data(testCase);
    await checkEmbed(lab(), testCase, data, storageOf({ kind: 'int4', ...testCase.format }), data.layout);
  });
});
