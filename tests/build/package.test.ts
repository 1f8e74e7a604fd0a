/** The tarball that npm gets: what is in it, how it resolves, and what Node makes of it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installConsumer, type PackedPackage, packPackage } from '../setup/package.ts';

const folder = mkdtempSync(join(tmpdir(), 'outrider-packed-'));
let packed: PackedPackage;
let consumer: string;
/** Of the installed package. */
const installed = (path: string) => join(consumer, 'node_modules/outrider', path);

beforeAll(async () => {
  packed = await packPackage(folder);
  consumer = installConsumer(packed);
}, 300_000);

afterAll(() => {
  for (const path of [folder, consumer]) if (path) rmSync(path, { recursive: true });
});

const node = (...args: string[]) =>
  execFileSync(process.execPath, args, { cwd: consumer, encoding: 'utf8', stdio: 'pipe' });

describe('the tarball', () => {
  it('has the builds, their licences and the readme, and neither models nor tests', () => {
    const others = packed.files.filter((path) => !/^dist\/(?:lib|element|cli|types)\//.test(path));
    expect(others.sort()).toEqual([
      'LICENSE',
      'README.md',
      'package.json',
      'src/build/modules.mjs',
      'src/build/outrider.mjs',
    ]);
    expect(packed.files.filter((path) => /\/\.|\.map$|\.safetensors$/.test(path))).toEqual([]);
    for (const part of ['lib', 'element', 'cli'])
      expect(packed.files).toContain(`dist/${part}/THIRD_PARTY_LICENSES.txt`);
  });

  it('installs nothing else', () => {
    const manifest = JSON.parse(readFileSync(installed('package.json'), 'utf8'));
    expect(manifest.dependencies).toBeUndefined();
    const required = Object.keys(manifest.peerDependencies).filter(
      (name) => !manifest.peerDependenciesMeta[name]?.optional,
    );
    expect(required).toEqual([]);
  });

  it('passes publint', async () => {
    const data = readFileSync(packed.tarball);
    const tarball = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    const { messages } = await publint({ pack: { tarball: tarball as ArrayBuffer }, strict: true });
    expect(messages).toEqual([]);
  });

  it('has types for every entry, wherever modules are modules', async () => {
    const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(packed.tarball))));
    if (!analysis.types) throw new Error('there are no types');
    // The package is ESM only: resolvers that know neither modules nor `exports` are not for it.
    const isForModules = (problem: object) =>
      !('resolutionKind' in problem) || ['node16-esm', 'bundler'].includes(String(problem.resolutionKind));
    expect(analysis.problems.filter(isForModules)).toEqual([]);
    const typed = Object.entries(analysis.entrypoints).filter(([, { hasTypes }]) => hasTypes);
    expect(typed.map(([name]) => name).sort()).toEqual([
      '.',
      './element',
      './element/register',
      './outrider-chat.js',
      './prompt-api',
      './worker',
    ]);
  });

  it('type-checks a project that uses it, its declarations included', () => {
    node('node_modules/typescript/bin/tsc', '-p', '.');
    node('node_modules/typescript/bin/tsc', '-p', '.', '--module', 'nodenext', '--moduleResolution', 'nodenext');
  });

  it('names neither modules of Node nor addresses that its browser code would import', () => {
    for (const part of ['lib', 'element']) {
      for (const name of readdirSync(installed(`dist/${part}`)).filter((file) => file.endsWith('.js'))) {
        const code = readFileSync(installed(`dist/${part}/${name}`), 'utf8');
        const specifiers = [...code.matchAll(/(?:\bfrom|^import|[;}]import|\bimport\()\s*["'`]([^"'`]+)["'`]/g)];
        const foreign = specifiers.map(([, to]) => to!).filter((to) => !/^\.\/[\w~.-]+\.js$|^webgpu$/.test(to));
        expect(foreign, name).toEqual([]);
      }
    }
  });

  it('describes the element: its tag, and what can be set, called, heard and styled', () => {
    const { modules } = JSON.parse(readFileSync(installed('dist/types/custom-elements.json'), 'utf8'));
    const [element] = modules[0].declarations;
    expect(element).toMatchObject({ name: 'OutriderChat', tagName: 'outrider-chat', customElement: true });
    const names = (list: { name: string }[]) => list.map(({ name }) => name);
    expect(names(element.attributes)).toContain('system-prompt');
    expect(names(element.members)).toEqual(expect.arrayContaining(['ask', 'stop', 'messages', 'engine']));
    expect(names(element.members).filter((name) => name.startsWith('#'))).toEqual([]);
    expect(names(element.events)).toContain('outrider-message');
    expect(names(element.cssParts)).toContain('composer');
    for (const { path } of modules) expect(packed.files).toContain(path);
  });
});

describe('the installed package under Node', () => {
  const entries = ['outrider', 'outrider/element', 'outrider/element/register', 'outrider/outrider-chat.js'];

  it.each([...entries, 'outrider/worker', 'outrider/prompt-api'])(
    '%s is imported without touching a global',
    (name) => {
      const script = `
      const before = Reflect.ownKeys(globalThis).length;
      const values = Object.getOwnPropertyDescriptors(globalThis);
      const { default: _, ...names } = await import(${JSON.stringify(name)});
      const after = Object.getOwnPropertyDescriptors(globalThis);
      const changed = Reflect.ownKeys(after).filter((key) => !Object.is(after[key].value, values[key]?.value));
      if (changed.length > 0 || Reflect.ownKeys(globalThis).length !== before) throw new Error(changed.join());
      console.log(Object.keys(names).join());`;
      const names = node('--input-type=module', '-e', script).trim();
      const expected: Record<string, string> = { 'outrider/worker': '', 'outrider/prompt-api': 'createLanguageModel' };
      if (name === 'outrider') expect(names).toContain('createEngine');
      else expect(names).toBe(expected[name] ?? 'OutriderChat');
    },
  );

  it('has a command line', () => {
    const bin = join(consumer, 'node_modules/.bin/outrider');
    expect(execFileSync(bin, ['--help'], { encoding: 'utf8' })).toMatch(/plan/);
  });
});
