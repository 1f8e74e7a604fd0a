/** `models.list` and `models.retrieve`: the model that is loaded. */
import { checkModel } from './request/sampling.ts';
import type { Model, Models } from './types-text.ts';

export function createModels(id: string): Models {
  const created = Math.floor(Date.now() / 1000);
  const model = (): Model => ({ id, object: 'model', created, owned_by: 'outrider' });
  return {
    list: async () => ({ object: 'list', data: [model()] }),
    retrieve: async (wanted) => {
      checkModel(wanted, id);
      return model();
    },
  };
}
