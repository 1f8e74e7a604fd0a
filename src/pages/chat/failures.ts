/** Explains failures with words that are loaded when the first one happens: most visits have none. */
import { type ErrorCode, OutriderError } from '../../errors.ts';
import type { Problem } from '../shared/problems.ts';

const recoverable: readonly ErrorCode[] = ['context_overflow', 'invalid_request', 'template_error'];

/** Whether the model goes on working: the failure was about this one request. */
export function isRecoverable(error: unknown): boolean {
  return error instanceof OutriderError && recoverable.includes(error.code);
}

/** @param model the address that was asked for */
export async function explainFailure(error: unknown, model: string): Promise<Problem> {
  try {
    return (await import('./problems.ts')).explain(error, model);
  } catch {
    return unexplained(error);
  }
}

/** Where the network is gone before anything of the page was kept. */
function unexplained(error: unknown): Problem {
  return {
    title: 'The network is gone',
    lead: 'What explains the failure below could not be fetched either.',
    advice: ['Check the connection, then try again.'],
    retry: 'Try again',
    details: String(error),
  };
}
