import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describePackage } from '../../src/build/licenses.ts';
import { bundledPackages } from './sources.ts';

/** Licences whose terms a copy beside the bundle fulfils. */
const ALLOWED = ['MIT', 'Apache-2.0', 'BSD-3-Clause', 'BSD-2-Clause', 'ISC', '(MPL-2.0 OR Apache-2.0)'];

/** Of the hub's uploader, which tree shaking drops, and of Lit under Node; a build that bundled them would fail for want of a licence file. */
const NEVER_BUNDLED = ['node_modules/gearhash-jit', 'node_modules/@lit-labs/ssr-dom-shim'];

const manifestOf = (folder: string) =>
  JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as {
    license: string;
    dependencies?: Readonly<Record<string, string>>;
  };

/** With what they depend on, which npm lays out flat. */
const folders = new Set(bundledPackages().map((name) => `node_modules/${name}`));
for (const folder of folders) {
  for (const name of Object.keys(manifestOf(folder).dependencies ?? {})) folders.add(`node_modules/${name}`);
}
const shipped = [...folders].filter((path) => !NEVER_BUNDLED.includes(path));

describe('what is bundled', () => {
  it.each(shipped)('%s has an allowed licence and brings its text', (folder) => {
    expect(ALLOWED).toContain(manifestOf(folder).license);
    expect(describePackage(folder)).toMatch(/copyright|licen[cs]e/i);
  });

  it('the default model brings its licences and its card', () => {
    const files = ['LICENSE', 'LICENSE.training-data', 'README.md'];
    expect(files.filter((file) => !existsSync(`public/models/llama-scoutling/${file}`))).toEqual([]);
  });
});
