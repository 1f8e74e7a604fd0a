import { describe, it } from 'vitest';
import { cases } from '../../src/reference/embed-float.ts';
import { checkEmbed } from './embed.ts';
import { useLab } from './harness.ts';

describe('embed-float looks up what its oracle looks up', () => {
  const lab = useLab();
  it.each(cases)('$name', (testCase) => checkEmbed(lab(), testCase));
});
