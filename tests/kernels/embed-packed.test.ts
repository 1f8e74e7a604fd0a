import { describe, it } from 'vitest';
import { cases } from '../../src/reference/embed-packed.ts';
import { checkEmbed } from './embed.ts';
import { useLab } from './harness.ts';

describe('embed-packed looks up what its oracle looks up', () => {
  const lab = useLab();
  it.each(cases)('$name', (testCase) => checkEmbed(lab(), testCase));
});
