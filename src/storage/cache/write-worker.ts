/** The worker behind `createWriter`: writes what it is sent, and sends it back. */
import { closeIfThere, SHARED, type SyncFileHandle, type SyncHandle } from './sync-handle.ts';
import type { WriteAnswer, WriteRequest } from './writer.ts';

const scope = globalThis as unknown as {
  postMessage(answer: WriteAnswer, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<WriteRequest>) => void) | null;
};
const open = new Map<number, { readonly file: SyncFileHandle; readonly handle: SyncHandle }>();

scope.onmessage = async ({ data }) => {
  const { id } = data;
  try {
    if (data.do === 'open') {
      open.set(id, { file: data.file, handle: await data.file.createSyncAccessHandle(SHARED) });
      scope.postMessage({ id });
    } else if (data.do === 'write') {
      const { bytes, at } = data;
      const { handle } = open.get(id)!;
      scope.postMessage({ id, written: handle.write(bytes, { at }), bytes }, [bytes.buffer]);
    } else if (data.do === 'flush') {
      open.get(id)!.handle.flush();
      scope.postMessage({ id });
    } else {
      const opened = open.get(id);
      open.delete(id);
      if (opened) await closeIfThere(opened.file, opened.handle);
      scope.postMessage({ id });
    }
  } catch (error) {
    scope.postMessage({ id, error });
  }
};
