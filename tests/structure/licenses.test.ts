import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describePackage } from '../../src/build/licenses.ts';

/** Licences whose terms a copy beside the bundle fulfils. */
const ALLOWED = ['MIT', 'Apache-2.0', 'BSD-3-Clause', 'BSD-2-Clause', 'ISC', '(MPL-2.0 OR Apache-2.0)'];

interface LockedPackage {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly peer?: boolean;
}

/** Of the hub's uploader, which tree shaking drops; a build that bundled them would fail for want of a licence file. */
const NEVER_BUNDLED = ['node_modules/gearhash-jit'];

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, LockedPackage> };
const shipped = Object.entries(lock.packages)
  .filter(([path, { dev, optional }]) => path !== '' && !dev && !optional && existsSync(path))
  .map(([path]) => path)
  .filter((path) => !NEVER_BUNDLED.includes(path));

describe('what is bundled', () => {
  it.each(shipped)('%s has an allowed licence and brings its text', (folder) => {
    const { license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as { license: string };
    expect(ALLOWED).toContain(license);
    expect(describePackage(folder)).toMatch(/copyright|licen[cs]e/i);
  });

  it('the default model brings its licences and its card', () => {
    const files = ['LICENSE', 'LICENSE.training-data', 'README.md'];
    expect(files.filter((file) => !existsSync(`public/models/llama-scoutling/${file}`))).toEqual([]);
  });
});
