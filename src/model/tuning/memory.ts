/** Keeps what was found out about an adapter's kernels, so that it is found out once. */

/** Neither call rejects: what cannot be kept is measured again, which costs two seconds. */
export interface TuningMemory {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown): Promise<void>;
}

/** Of its own: pages that use the library keep what is theirs in databases of other names. */
const DATABASE = 'outrider-kernels';
const STORE = 'kernels';

/** In this origin's IndexedDB; undefined where there is none: under Node. */
export function browserMemory(): TuningMemory | undefined {
  if (typeof indexedDB === 'undefined') return undefined;
  const use = async <T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>) => {
    try {
      const opening = indexedDB.open(DATABASE, 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
      const database = await settled(opening);
      try {
        return await settled(work(database.transaction(STORE, mode).objectStore(STORE)));
      } finally {
        database.close();
      }
    } catch {
      return undefined; // private windows and full disks refuse
    }
  };
  return {
    get: (key) => use<unknown>('readonly', (store) => store.get(key)),
    set: async (key, value) => void (await use('readwrite', (store) => store.put(value, key))),
  };
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
