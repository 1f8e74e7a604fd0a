import { describe, it } from 'vitest';
import { cases, embedFloatData } from '../../src/reference/embed-float.ts';
import { checkEmbed } from './embed.ts';
import { useLab } from './harness.ts';
import { storageOf } from './projection.ts';

describe('embed-float looks up what its oracle looks up', () => {
  const lab = useLab();
  it.each(cases)('$name', async (testCase) => {
    const storage = storageOf({ kind: 'float', type: testCase.type });
    await checkEmbed(lab(), testCase, embedFloatData(testCase), storage, { scalesAt: 0, zerosAt: 0 });
  });
});
