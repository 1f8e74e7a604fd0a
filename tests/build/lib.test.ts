import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../../src/build/fresh.mjs';

const folder = fileURLToPath(new URL('../../dist/lib/', import.meta.url));
const load = () => import(/* @vite-ignore */ pathToFileURL(`${folder}outrider.js`).href);

beforeAll(() => ensureBuilt('lib'));

describe('the built library', () => {
  it('exports the public names only', async () => {
    expect(Object.keys(await load())).toEqual([
      'OutriderError',
      'createEngine',
      'deleteModel',
      'listModels',
      'persistStorage',
      'planModel',
      'readModelFile',
      'serveEngine',
      'storageFacts',
      'updateModel',
      'verifyModel',
    ]);
  });

  it('opens folders under Node: one without a model is refused for just that', async () => {
    const { createEngine, OutriderError } = await load();
    const error = await createEngine(folder, { gpu: {} as GPU }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OutriderError);
    expect(error).toMatchObject({ code: 'model_not_found', message: expect.stringContaining('no config.json') });
  });

  it('refers to no file that is not there: its worker, started from a Blob, has nothing beside it', () => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.js'));
    const imported = files.flatMap((name) =>
      [...readFileSync(folder + name, 'utf8').matchAll(/(?:from|import\()\s*["'`]\.\/([^"'`]+)/g)].map(([, to]) => to),
    );
    expect(imported.filter((name) => !files.includes(name!))).toEqual([]);
    expect(readdirSync(folder)).not.toContain('assets');
  });

  it('has its worker beside it, in one file, by a relative URL that bundlers follow: tabs share only what has a URL', () => {
    const found = readdirSync(folder)
      .filter((name) => name.endsWith('.js'))
      .flatMap((name) => [
        ...readFileSync(folder + name, 'utf8').matchAll(/new URL\(["'`]([\w-]+\.js)["'`],\s*import\.meta\.url\)/g),
      ])
      .map(([, file]) => file!);
    expect(found).toEqual(['worker.js']);
    expect(readFileSync(`${folder}worker.js`, 'utf8')).not.toMatch(/^import[\s{"'`]|\bfrom\s*["'`]/m);
  });

  it('registers the element only where that is asked for, and brings the engine with neither', () => {
    const imported = (entry: string) => {
      const files = new Set([entry]);
      for (const file of files) {
        const code = readFileSync(folder + file, 'utf8');
        for (const [, to] of code.matchAll(/(?:\bfrom|\bimport)\s*["'`]\.\/([^"'`]+)["'`]/g)) files.add(to!);
      }
      return [...files].map((file) => readFileSync(folder + file, 'utf8')).join('\n');
    };
    expect(imported('register.js')).toContain('customElements.define');
    expect(imported('element.js')).not.toContain('customElements.define');
    expect(imported('register.js')).not.toContain('@workgroup_size');
    expect(imported('outrider.js')).toContain('@workgroup_size');
  });
});
