/** Memory in the state of a machine in use: full of files. */
import { type FileHandle, mkdtemp, open, readFile, rm, statfs } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';

const STEP_BYTES = 64 << 20;
/** Free memory that is left as it is. */
const FREE_BYTES = 0.3e9;

/**
 * A virtual machine may give free memory back to its host, and get it again page by page: writing a file takes 3 to 4 CPU
 * seconds per GB then, against 0.4 where the page cache is full and the oldest pages make room. So much more than
 * what is measured would hide it, and differently in every stage; so before each one the page cache is filled from a file.
 */
export class PageCache {
  #folder: string | undefined;
  #file: FileHandle | undefined;

  /**
   * Does nothing where no memory is free, or where its size is not to be had (only Linux tells).
   * @param spareBytes of disk that must stay free
   * @returns bytes written
   */
  async fill(spareBytes: number): Promise<number> {
    if ((await freeMemory()) <= FREE_BYTES) return 0;
    this.#folder ??= await mkdtemp(join(tmpdir(), 'outrider-page-cache-'));
    this.#file ??= await open(join(this.#folder, 'filler'), 'w+');
    const step = Buffer.alloc(STEP_BYTES, 1);
    const { size } = await this.#file.stat();
    const limit = Math.min(totalmem(), size + (await freeDisk()) - spareBytes);
    let at = 0;
    for (; at + STEP_BYTES <= limit && (await freeMemory()) > FREE_BYTES; at += STEP_BYTES) {
      await this.#file.write(step, 0, STEP_BYTES, at);
      await this.#file.datasync(); // so that all of it can make room at once
    }
    return at;
  }

  async remove(): Promise<void> {
    await this.#file?.close();
    if (this.#folder) await rm(this.#folder, { recursive: true });
  }
}

/** Bytes in which there is nothing at all; 0 where that is not known. */
async function freeMemory(): Promise<number> {
  const facts = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  return Number(/^MemFree:\s+(\d+) kB$/m.exec(facts)?.[1] ?? 0) * 1024;
}

async function freeDisk(): Promise<number> {
  const { bavail, bsize } = await statfs(tmpdir());
  return bavail * bsize;
}
