/** Memory in the state of a machine in use: full of files. */
import { type FileHandle, mkdtemp, open, readdir, readFile, rm, statfs } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';

const STEP_BYTES = 64 << 20;
/** Free memory that is left as it is: a little more than Linux keeps free itself. */
const FREE_BYTES = 0.3e9;

const BALLOONS = '/sys/bus/virtio/drivers/virtio_balloon';
/** VIRTIO_BALLOON_F_REPORTING: the device is told of free memory, and takes it away. */
const REPORTING_BIT = 5;

/**
 * Some virtual machines give free memory back to their host, and get it again page by page: writing a file takes 3 to 4 CPU
 * seconds per GB then, against 0.4 where the page cache is full and its oldest pages make room. That is a property
 * of the machine and as much as all the rest of a load; so before each stage the page cache is filled from a file there.
 */
export class PageCache {
  #folder: string | undefined;
  #file: FileHandle | undefined;

  /**
   * Does nothing on other machines, and where no memory is free.
   * @param spareBytes of disk that must stay free
   * @returns bytes written
   */
  async fill(spareBytes: number): Promise<number> {
    if (!(await givesMemoryBack()) || (await freeMemory()) <= FREE_BYTES) return 0;
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

async function givesMemoryBack(): Promise<boolean> {
  const names = await readdir(BALLOONS).catch(() => []);
  const features = await Promise.all(
    names.map((name) => readFile(join(BALLOONS, name, 'features'), 'utf8').catch(() => '')),
  );
  return features.some((bits) => bits[REPORTING_BIT] === '1');
}

/** Bytes in which there is nothing at all. */
async function freeMemory(): Promise<number> {
  const facts = await readFile('/proc/meminfo', 'utf8');
  return Number(/^MemFree:\s+(\d+) kB$/m.exec(facts)?.[1] ?? 0) * 1024;
}

async function freeDisk(): Promise<number> {
  const { bavail, bsize } = await statfs(tmpdir());
  return bavail * bsize;
}
