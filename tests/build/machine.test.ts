import { expect, test } from 'vitest';
import { debianMirror } from '../../src/build/machine.mjs';

const security = 'Types: deb\nURIs: http://mirror.test/security\nSuites: bookworm-security\nComponents: main\n';
const main = 'Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm bookworm-updates\nComponents: main\n';

test('the mirror for backports is the one that bookworm itself comes from, in both formats of apt', () => {
  expect(debianMirror([`${security}\n${main}`])).toBe('http://mirror.test/debian');
  expect(debianMirror(['# none', 'deb [arch=amd64] https://other.test/debian bookworm main\n'])).toBe(
    'https://other.test/debian',
  );
  expect(debianMirror([security, 'deb http://mirror.test/debian bookworm-updates main\n'])).toBeUndefined();
});
