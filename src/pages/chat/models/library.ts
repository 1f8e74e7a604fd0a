/** The library as those use it who choose among models. Loaded with them. */
import { type ModelLibrary, outrider, sendable } from './api.ts';

export const library: ModelLibrary = {
  planModel: async (source, request) => (await outrider()).planModel(sendable(source), request),
  async readCard(source, request) {
    const [{ readModelFile }, { readModelCard }] = await Promise.all([outrider(), import('./card.ts')]);
    return readModelCard((path) => readModelFile(sendable(source), path, request));
  },
  async listModels() {
    const models = await (await outrider()).listModels();
    return models.map(({ id, label, complete, storedBytes, totalBytes, problem }) => {
      return { id, label, complete, problem, bytes: storedBytes, size: totalBytes };
    });
  },
  async storageFacts() {
    const { storageFacts } = await outrider();
    const [{ usedBytes }, persisted] = await Promise.all([storageFacts(), navigator.storage.persisted()]);
    return { used: usedBytes, persisted };
  },
  persist: async () => (await (await outrider()).persistStorage()) === 'granted',
  async deleteModel(id) {
    await (await outrider()).deleteModel(id);
  },
  async verifyModel(id, { onProgress, signal }) {
    const { verifyModel } = await outrider();
    const { bad } = await verifyModel(id, { signal, onProgress: ({ loaded, total }) => onProgress(loaded, total) });
    return bad.reduce((sum, { parts }) => sum + parts.length, 0);
  },
  async updateModel(id, options) {
    const { changed, downloadBytes } = await (await outrider()).updateModel(id, options);
    return { numFiles: changed.length, download: downloadBytes };
  },
};
