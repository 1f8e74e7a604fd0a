/** From an error to what a person can do about it. Pure. Loaded with the first failure. */
import { OutriderError } from '../../errors.ts';
import { describe, type Explanation, explainWebGpu, type Problem } from '../shared/problems.ts';

/** Explains any failure of loading or answering; `model` is the address that was asked for. */
export function explain(error: unknown, model: string): Problem {
  const known = error instanceof OutriderError ? error : undefined;
  const explanation = (known && explainCode(known, model)) ?? {
    title: 'Something went wrong',
    lead: 'This is not a failure that Outrider knows. The text below helps to find it.',
    advice: ['Try again.', 'If it happens again, please report it with the details below.'],
  };
  return { retry: 'Try again', ...explanation, details: describe(error) };
}

function explainCode(error: OutriderError, model: string): Explanation | undefined {
  switch (error.code) {
    case 'webgpu_unavailable':
      return explainWebGpu(error);
    case 'device_lost':
      return {
        title: 'The GPU went away',
        lead: 'The browser lost its connection to the graphics device. The conversation is kept.',
        advice: [
          'Load the model again: it takes as long as the first time, and the chat goes on where it was.',
          'If it keeps happening, close other heavy tabs and update the graphics driver.',
        ],
        retry: 'Load the model again',
      };
    case 'gpu_out_of_memory':
      return {
        title: 'The GPU has no room for the model',
        lead: error.message,
        advice: [
          'Close other tabs and programs that use the GPU, then try again. What was downloaded stays.',
          'Under Models, choose a shorter context, keys and values in 16 bits, or a smaller model.',
        ],
      };
    case 'model_too_large':
      return {
        title: 'The model does not fit',
        lead: error.message,
        advice: [
          'Under Models, its plan shows what takes how much: choose a shorter context or a smaller form of it.',
          'If the machine has more memory than the budget says, raise the budget there.',
        ],
      };
    case 'model_not_found':
      return {
        title: 'There is no model here',
        lead: `Nothing that can be loaded was found at ${model}.`,
        advice: [
          'Check the address: it must be a folder that holds config.json and safetensors files.',
          'Choose another model, for example the one that comes with this page.',
        ],
      };
    case 'network_error':
    case 'range_unsupported':
      return {
        title: 'The model could not be fetched',
        lead: error.message,
        advice: [
          'Check the connection, then try again.',
          'Another server must allow this page (CORS) and answer Range requests.',
        ],
      };
    case 'worker_failed':
      return {
        title: 'The engine could not start',
        lead: error.message,
        advice: ['Reload the page.', 'If an extension or a policy blocks workers on this page, allow them.'],
      };
    default:
      return explainStorage(error) ?? explainModel(error);
  }
}

function explainStorage(error: OutriderError): Explanation | undefined {
  switch (error.code) {
    case 'access_denied':
      return {
        title: 'The server does not give out this model',
        lead: error.message,
        advice: [
          'If the model is gated, ask for access on its own page and accept its licence there.',
          'Then give an access token under Models. It stays in this tab’s memory and goes to no other server.',
        ],
      };
    case 'source_changed':
      return {
        title: 'The model changed while it was being fetched',
        lead: error.message,
        advice: ['Load it again: files that are still the same are kept, the others are fetched anew.'],
        retry: 'Load it again',
      };
    case 'checksum_mismatch':
      return {
        title: 'Some bytes arrived or were kept damaged',
        lead: error.message,
        advice: [
          'Try again: only the damaged part is fetched.',
          'If it happens again, the copy on the server is damaged, or something on the way changes what passes.',
        ],
      };
    case 'storage_full':
      return {
        title: 'There is no room left to keep the model',
        lead: error.message,
        advice: [
          'Delete models that you do not need under Models, or free space on the disk. Then resume: nothing is lost.',
          'A private window may keep very little: use a normal one.',
        ],
      };
    case 'storage_failed':
      return {
        title: 'The browser lost what it had stored',
        lead: error.message,
        advice: [
          'Try again: what is missing is fetched again.',
          'Under Models, ask the browser to keep models, so that it does not remove them to gain space.',
        ],
      };
    case 'model_in_use':
      return {
        title: 'The model is in use',
        lead: error.message,
        advice: ['Close the other tab that uses it, or load another model there.'],
      };
    default:
      return undefined;
  }
}

function explainModel(error: OutriderError): Explanation | undefined {
  switch (error.code) {
    case 'config_unsupported':
    case 'quantization_unsupported':
      return {
        title: 'This model is of another kind',
        lead: error.message,
        advice: ['Outrider runs Llama 4 text models. Its README lists the weight formats that it reads.'],
      };
    case 'checkpoint_invalid':
    case 'tensor_missing':
    case 'tensor_mismatch':
    case 'tokenizer_invalid':
    case 'template_error':
      return {
        title: 'The model’s files are damaged or incomplete',
        lead: error.message,
        advice: ['Download or convert the model again.', 'Check that no file was cut short on the way.'],
      };
    case 'context_overflow':
      return {
        title: 'The conversation is too long',
        lead: error.message,
        advice: ['Start a new chat, or shorten an earlier message by editing it.'],
      };
    case 'invalid_request':
      return {
        title: 'The request was refused',
        lead: error.message,
        advice: ['Check the values under Settings, then ask again.'],
      };
    default:
      return undefined;
  }
}
