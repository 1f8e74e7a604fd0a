/**
 * The folder that a conversion writes: new, half done by the same conversion, done by it, or somebody else's.
 *
 * Weights go into `*.partial` files of their final size, each finished unit adds a line to the journal, and the config,
 * without which a folder is no model, is written last. So a killed run leaves nothing that could pass for a model, and the
 * next run of the same command goes on after the last line.
 */
import {
  appendFile,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { OutriderError } from '../../errors.ts';
import type { Shard } from './plan.ts';

const JOURNAL = 'conversion.journal';
const CONFIG = 'config.json';

interface Place {
  readonly handle: FileHandle;
  readonly start: number;
}

export class OutputFolder {
  readonly #path: string;
  readonly #key: string;
  readonly #shards: readonly Shard[];
  readonly #handles: FileHandle[] = [];
  readonly #places = new Map<string, Place>();
  readonly #unsynced = new Set<FileHandle>();
  #done = new Set<string>();

  /** @param key names the conversion: the same for the same input and recipe only */
  constructor(path: string, key: string, shards: readonly Shard[]) {
    this.#path = path;
    this.#key = key;
    this.#shards = shards;
  }

  /** Throws `output_exists` where the folder holds anything but this conversion, half done or done. */
  async state(configText: string): Promise<'new' | 'begun' | 'done'> {
    const entries = await readdir(this.#path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw this.#exists(`is not a folder (${error.code})`, error);
    });
    if (entries.length === 0) return 'new';
    const journal = await readText(join(this.#path, JOURNAL));
    if (journal !== undefined) {
      if (journal.split('\n')[0] === this.#key) return 'begun';
      throw this.#exists('holds another conversion that is not finished');
    }
    if (await this.#isDone(configText)) return 'done';
    throw this.#exists('holds something else');
  }

  async #isDone(configText: string): Promise<boolean> {
    if ((await readText(join(this.#path, CONFIG))) !== configText) return false;
    for (const { file, layout } of this.#shards) {
      if (!(await hasLayout(join(this.#path, file), layout))) return false; // the head holds the key
    }
    return true;
  }

  #exists(what: string, cause?: unknown): OutriderError {
    const message = `${this.#path} ${what}. Nothing was written: choose another folder, or empty this one first.`;
    return new OutriderError('output_exists', message, { cause, details: { folder: this.#path } });
  }

  /** Opens the weight files, makes what is not there yet, and reads which units are done. */
  async begin(): Promise<void> {
    await mkdir(this.#path, { recursive: true });
    const journal = (await readText(join(this.#path, JOURNAL))) ?? '';
    const lines = journal.split('\n').slice(1, -1); // the text after the last line break is a torn line, or empty
    let isWhole = journal !== '';
    if (!isWhole) await writeFile(join(this.#path, JOURNAL), `${this.#key}\n`);
    for (const shard of this.#shards) {
      const { handle, created } = await this.#openShard(shard);
      isWhole &&= !created;
      this.#handles.push(handle);
      for (const [name, { start }] of shard.layout.ranges) this.#places.set(name, { handle, start });
    }
    this.#done = new Set(isWhole ? lines : []);
    // Rewritten in any case: a torn last line would swallow the next one.
    await writeFile(join(this.#path, JOURNAL), `${[this.#key, ...this.#done].join('\n')}\n`);
  }

  async #openShard({ file, layout }: Shard): Promise<{ handle: FileHandle; created: boolean }> {
    for (const name of [file, `${file}.partial`]) {
      const path = join(this.#path, name);
      if (await hasLayout(path, layout)) return { handle: await open(path, 'r+'), created: false };
    }
    const handle = await open(join(this.#path, `${file}.partial`), 'w');
    await handle.truncate(layout.fileSize);
    await writeAll(handle, layout.bytes, 0);
    return { handle, created: true };
  }

  isDone(unit: string): boolean {
    return this.#done.has(unit);
  }

  /** Bytes into an output tensor, `offset` bytes from its start. */
  async write(tensor: string, offset: number, bytes: Uint8Array): Promise<void> {
    const { handle, start } = this.#places.get(tensor)!;
    this.#unsynced.add(handle);
    await writeAll(handle, bytes, start + offset);
  }

  /** Call when all bytes of the unit are written: they reach the disk before the journal says so. */
  async markDone(unit: string): Promise<void> {
    for (const handle of this.#unsynced) await handle.datasync();
    this.#unsynced.clear();
    await appendFile(join(this.#path, JOURNAL), `${unit}\n`);
    this.#done.add(unit);
  }

  async close(): Promise<void> {
    for (const handle of this.#handles.splice(0)) await handle.close();
  }

  /** Gives the files their names, with an index where there are several, and the config last. */
  async finish(configText: string): Promise<void> {
    await this.close();
    for (const { file } of this.#shards) {
      const partial = join(this.#path, `${file}.partial`);
      if (await stat(partial).catch(() => undefined)) await rename(partial, join(this.#path, file));
    }
    if (this.#shards.length > 1) {
      await writeFile(join(this.#path, 'model.safetensors.index.json'), indexText(this.#shards));
    }
    await writeFile(join(this.#path, CONFIG), configText);
    await rm(join(this.#path, JOURNAL));
  }
}

function indexText(shards: readonly Shard[]): string {
  const weight_map = Object.fromEntries(
    shards.flatMap(({ file, layout }) => [...layout.ranges.keys()].map((name): [string, string] => [name, file])),
  );
  const total_size = shards.reduce((sum, { layout }) => sum + layout.fileSize - layout.bytes.length, 0);
  return `${JSON.stringify({ metadata: { total_size }, weight_map }, null, 2)}\n`;
}

/** Whether the file has exactly this head and size. */
async function hasLayout(path: string, { bytes, fileSize }: Shard['layout']): Promise<boolean> {
  const facts = await stat(path).catch(() => undefined);
  if (facts?.size !== fileSize) return false;
  const handle = await open(path, 'r');
  try {
    const head = new Uint8Array(bytes.length);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    return bytesRead === head.length && Buffer.compare(head, bytes) === 0;
  } finally {
    await handle.close();
  }
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** One write call may write less than it was given. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
