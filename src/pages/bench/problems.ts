/** From an error of a run to what a person can do about it. Pure. */
import { OutriderError } from '../../errors.ts';
import { describe, type Explanation, explainWebGpu, type Problem } from '../shared/problems.ts';

/** Explains any failure of a run. What was measured before it stays on the page. */
export function explainRun(error: unknown): Problem {
  const explanation = (error instanceof OutriderError && explainCode(error)) || {
    title: 'The benchmark failed',
    lead: error instanceof OutriderError ? error.message : 'This is not a failure that Outrider knows.',
    advice: ['Run it again.', 'If it fails again, please report it with the details below.'],
  };
  return { retry: 'Run again', ...explanation, details: describe(error) };
}

function explainCode(error: OutriderError): Explanation | undefined {
  switch (error.code) {
    case 'webgpu_unavailable':
      return explainWebGpu(error);
    case 'device_lost':
      return {
        title: 'The GPU went away',
        lead: 'The browser lost its connection to the graphics device during the run. What was measured before it stays.',
        advice: [
          'Run it again. Close other heavy tabs first.',
          'If it happens at the same place each time, update the graphics driver, and please report it with the details below.',
        ],
      };
    case 'gpu_out_of_memory':
    case 'model_too_large':
      return {
        title: 'The GPU has no room for this',
        lead: error.message,
        advice: [
          'Close other tabs and programs that use the GPU, then run it again.',
          'Choose the quick extent, a smaller model, or “Kernels only”.',
        ],
      };
    case 'model_not_found':
    case 'network_error':
    case 'storage_failed':
    case 'model_in_use':
      return {
        title: 'The model could not be read',
        lead: error.message,
        advice: ['Check the connection, then run it again.', 'Or choose another model, or “Kernels only”.'],
      };
    case 'worker_failed':
      return {
        title: 'The benchmark could not start',
        lead: error.message,
        advice: ['Reload the page.', 'If an extension or a policy blocks workers on this page, allow them.'],
      };
    default:
      return undefined;
  }
}
