/** What the builds put out: the site as `npm start` serves it, the library, and the command line. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PreviewServer, preview } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildWith } from '../../src/build/fresh.mjs';
import { bundledPackages } from '../structure/sources.ts';

const folder = mkdtempSync(join(tmpdir(), 'outrider-builds-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function make(mode: 'site' | 'lib' | 'cli'): Promise<string> {
  const outDir = join(folder, mode);
  await buildWith({ mode, logLevel: 'error', build: { outDir } });
  return outDir;
}

describe('the site', () => {
  let server: PreviewServer;
  let url: string;

  beforeAll(async () => {
    const outDir = await make('site');
    server = await preview({ mode: 'site', logLevel: 'error', build: { outDir }, preview: { port: 0 } });
    url = server.resolvedUrls!.local[0]!;
  });
  afterAll(() => server?.close());

  it('has the chat page at its root, and the default model beside it', async () => {
    const page = await fetch(url);
    expect(page.headers.get('content-type')).toMatch('text/html');
    const scripts = [...(await page.text()).matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((match) => match[1]!);
    expect(scripts.length).toBeGreaterThan(1);
    for (const path of [...scripts, '/models/llama-scoutling/config.json']) {
      expect((await fetch(new URL(path, url))).status, path).toBe(200);
    }
  });

  it("has the benchmark page; its worker and the engine's are one file each, that imports nothing of Node", async () => {
    const page = await fetch(`${url}bench/`);
    expect(await page.text()).toContain('<title>Outrider benchmark</title>');
    const assets = join(folder, 'site/assets');
    const workers = readdirSync(assets).filter((name) => name.startsWith('worker-'));
    expect(workers.length).toBe(2);
    for (const name of workers)
      expect(readFileSync(join(assets, name), 'utf8')).not.toMatch(/\bfrom\s*["'`]|^import\s*["'`]/m);
  });

  it.each(['models/nothing/config.json', 'nothing', 'nothing/'])('answers 404, not a page, for /%s', async (path) => {
    expect((await fetch(url + path)).status).toBe(404);
  });

  it('serves ranges of the weights', async () => {
    const response = await fetch(`${url}models/llama-scoutling/model.safetensors`, {
      headers: { range: 'bytes=8-23' },
    });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toMatch(/^bytes 8-23\/\d+$/);
    expect((await response.arrayBuffer()).byteLength).toBe(16);
  });

  it('carries the licence of every package that its scripts and its worker bundle', async () => {
    const text = await (await fetch(`${url}THIRD_PARTY_LICENSES.txt`)).text();
    const names = bundledPackages().map((name) => (name === 'lit' ? 'lit-html' : name)); // the first only exports the second
    const missing = names.filter((name) => !new RegExp(`\\n${name} [\\d.]+\\nLicense: `).test(text));
    expect(missing).toEqual([]);
  });
});

describe('the library', () => {
  it('has in its core neither WASM nor eval, touches no global when Node imports it, and without Dawn beside it says how to get it', async () => {
    const outDir = await make('lib');
    // What is loaded with the first model or grammar may be WASM.
    const core = readdirSync(outDir).filter((name) => /^(?:outrider|(?:core|shared)-[\w-]+)\.js$/.test(name));
    expect(core.length).toBe(3);
    for (const name of core) {
      const hits = readFileSync(join(outDir, name), 'utf8').match(/\beval\(|new Function\(|WebAssembly/g);
      expect(hits, name).toBeNull();
    }
    const script = `
      const before = Object.getOwnPropertyNames(globalThis).join();
      const { createEngine } = await import(${JSON.stringify(join(outDir, 'outrider.js'))});
      if (Object.getOwnPropertyNames(globalThis).join() !== before) throw new Error('a global changed');
      await createEngine('/nowhere').catch(({ code, message }) => console.log(code, message));`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(output).toMatch(/^webgpu_unavailable .*npm install webgpu/);
  });
});

describe('the command line', () => {
  it('names its commands, and fails on an unknown one', async () => {
    const cli = join(await make('cli'), 'outrider.js');
    expect(execFileSync(process.execPath, [cli, '--help'], { encoding: 'utf8' })).toMatch(
      /convert IN OUT[\s\S]*check FOLDER/,
    );
    expect(() => execFileSync(process.execPath, [cli, 'fly'], { stdio: 'pipe' })).toThrow('There is no command "fly"');
  });
});
