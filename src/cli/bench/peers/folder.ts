/** The checkout of the peers: checked before anything starts, so that what is missing is said with how to get it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { OutriderError } from '../../../errors.ts';
import { findChromium } from '../../browser/chromium.ts';

export const ADAPTERS = ['lavapipe', 'swiftshader'] as const;
/** `lavapipe`: the folder's own copy of Chromium, in which Mesa's driver stands in for SwiftShader. */
export type PeersAdapter = (typeof ADAPTERS)[number];

const PACKAGES = ['@wllama/wllama', 'onnxruntime-web'];

export interface PeersFolder {
  readonly path: string;
  readonly chromium: string;
  /** Name -> ids of its vocabulary. */
  readonly models: ReadonlyMap<string, number>;
  /** Of wllama and onnxruntime-web. */
  readonly versions: Readonly<Record<string, string>>;
}

/** @throws OutriderError `invalid_request` with the command that makes what is missing */
export async function openPeersFolder(
  folder: string,
  adapter: PeersAdapter,
  models: readonly string[],
): Promise<PeersFolder> {
  const path = resolve(folder);
  const need = (file: string, command: string) => {
    if (!existsSync(join(path, file))) throw missing(path, file, command);
    return join(path, file);
  };
  need('package.json', '');
  const readJson = async <T>(file: string, command: string) =>
    JSON.parse(await readFile(need(file, command), 'utf8')) as T;
  const versions: Record<string, string> = {};
  for (const name of PACKAGES) {
    versions[name] = (await readJson<{ version: string }>(`node_modules/${name}/package.json`, 'npm ci')).version;
  }
  const sizes = new Map<string, number>();
  for (const name of models) {
    need(`models/${name}.gguf`, 'npm run models');
    need(`models/${name}/model.safetensors`, 'npm run models');
    const config = await readJson<{ vocab_size: number }>(`models/${name}/config.json`, 'npm run models');
    sizes.set(name, config.vocab_size);
  }
  return {
    path,
    chromium: adapter === 'lavapipe' ? need('chromium-lvp/chromium', 'npm run shim') : findChromium(),
    models: sizes,
    versions,
  };
}

function missing(path: string, file: string, command: string): OutriderError {
  const next = command
    ? `Run "${command}" in that folder.`
    : 'Name a checkout of the peers: npm ci && npm run models && npm run shim prepare it.';
  return new OutriderError('invalid_request', `--peers: ${path} has no ${file}. ${next}`, {
    details: { folder: path, file },
  });
}
