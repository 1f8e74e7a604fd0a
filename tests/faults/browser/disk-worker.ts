/** A failing disk: flips one bit of a stored file behind everybody's back. */
import { createOpfsStore } from '../../../src/storage/cache/opfs.ts';

globalThis.onmessage = async ({ data: random }: MessageEvent<number>) => {
  const store = createOpfsStore();
  const [directory] = await store.directories();
  const files = (await store.list(directory!)).filter(({ name, size }) => name.startsWith('file-') && size > 0);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  let at = Math.floor(random * bytes);
  for (const { name, size } of files) {
    if (at >= size) {
      at -= size;
      continue;
    }
    const file = await store.open(directory!, name, 'write');
    const byte = new Uint8Array(1);
    await file.read(byte, at);
    byte[0]! ^= 1;
    await file.write(byte, at);
    await file.flush();
    file.close();
    return postMessage(`${name} at ${at}`);
  }
};
