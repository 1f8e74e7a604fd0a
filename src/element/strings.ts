/** Everything that the element says, to the eye and to the ear. */
import { OutriderError } from '../errors.ts';
import type { LoadProgress } from '../index.ts';
import { type MarkdownWords, markdownWords } from './markdown/words.ts';

/** A failure as a person needs it. */
export interface ProblemText {
  readonly title: string;
  /** What to try. */
  readonly advice: string;
  /** The label of the button that tries again. */
  readonly retry: string;
  /** For a report; shown on request. '' for none. */
  readonly details: string;
}

export interface ChatStrings extends MarkdownWords {
  /** Names the whole chat. */
  readonly label: string;
  /** Names the messages. */
  readonly conversation: string;
  readonly emptyTitle: string;
  readonly emptyText: string;
  /** Names the field. */
  readonly message: string;
  readonly placeholder: string;
  readonly send: string;
  readonly stop: string;
  /** Stops loading. */
  readonly cancel: string;
  readonly newConversation: string;
  readonly retry: string;
  readonly regenerate: string;
  /** Leads to the newest words after scrolling away. */
  readonly latest: string;
  /** Who wrote a message, for screen readers. */
  readonly you: string;
  readonly assistant: string;
  readonly toolCall: (name: string) => string;
  readonly toolResult: (name: string) => string;
  /** A server took over from this machine. */
  readonly computedAt: (address: string) => string;
  /** Above what this machine had written before a server answered anew. */
  readonly abandoned: string;
  readonly cutOff: string;
  readonly stopped: string;
  readonly interrupted: string;
  /** While an answer is being written. */
  readonly answering: string;
  readonly loading: (progress: LoadProgress | undefined) => string;
  readonly ready: string;
  readonly problem: (error: unknown) => ProblemText;
  /** Beside the details of a problem. */
  readonly details: string;
}

const phases: Readonly<Record<LoadProgress['phase'], string>> = {
  tokenizer: 'Reading the tokenizer',
  kernels: 'Choosing kernels',
  weights: 'Loading the model',
  download: 'Loading the rest of the files',
  verify: 'Checking the files',
  pipelines: 'Preparing the GPU',
};

export const englishStrings: ChatStrings = {
  ...markdownWords,
  label: 'Chat',
  conversation: 'Conversation',
  emptyTitle: 'Ask something',
  emptyText: 'The model loads when the first message is sent.',
  message: 'Message',
  placeholder: 'Write a message',
  send: 'Send',
  stop: 'Stop',
  cancel: 'Cancel',
  newConversation: 'New conversation',
  retry: 'Try again',
  regenerate: 'Regenerate',
  latest: 'Latest',
  you: 'You',
  assistant: 'Answer',
  toolCall: (name) => `Called ${name}`,
  toolResult: (name) => `Result of ${name}`,
  computedAt: (address) => `Computed by ${address}, not on this machine`,
  abandoned: 'Begun on this machine; the answer below starts anew',
  cutOff: 'Cut off at the token limit',
  stopped: 'Stopped',
  interrupted: 'Interrupted',
  answering: 'Answering',
  loading: (progress) =>
    progress ? `${phases[progress.phase]}, ${Math.floor(100 * progress.progress)} %` : 'Starting',
  ready: 'The model is ready.',
  problem: explain,
  details: 'What exactly happened',
};

type Explanation = Pick<ProblemText, 'title' | 'advice'> & { readonly retry?: string };

/** By code; of `webgpu_unavailable` also by reason, after a colon. */
const explanations: Readonly<Record<string, Explanation>> = {
  webgpu_unavailable: {
    title: 'No graphics adapter',
    advice:
      'Turn on hardware acceleration in the browser’s settings, or update the graphics driver, and restart the browser.',
  },
  'webgpu_unavailable:insecure-origin': {
    title: 'This address is not secure',
    advice: 'Browsers offer WebGPU only on https:// and on localhost. Open the page there.',
  },
  'webgpu_unavailable:no-api': {
    title: 'This browser has no WebGPU',
    advice: 'Use Chrome or Edge 113 or newer, Safari 26 or newer, or Firefox 141 or newer.',
  },
  'webgpu_unavailable:limits': {
    title: 'This graphics adapter is too small',
    advice: 'If the machine has a second GPU, make the browser use that one.',
  },
  device_lost: {
    title: 'The GPU went away',
    advice:
      'The conversation is kept. Loading the model again takes as long as the first time; close other heavy tabs if it keeps happening.',
    retry: 'Load again',
  },
  gpu_out_of_memory: {
    title: 'The GPU has no room for the model',
    advice: 'Close other tabs and programs that use the GPU, then try again. What was downloaded stays.',
  },
  model_too_large: {
    title: 'The model does not fit this machine',
    advice: 'Use a machine with more memory, or a smaller model.',
  },
  model_not_found: {
    title: 'There is no model here',
    advice: 'The page names a model that is not where it should be.',
  },
  network_error: {
    title: 'The model could not be fetched',
    advice: 'Check the connection and try again: what arrived already is kept.',
  },
  access_denied: {
    title: 'The server wants a permission',
    advice: 'It asks for a login, a token, or that its licence is accepted.',
  },
  storage_full: { title: 'The disk is full', advice: 'Free some space for this browser and try again.' },
  context_overflow: { title: 'The conversation is too long', advice: 'Begin a new one, or ask something shorter.' },
  invalid_request: {
    title: 'The question could not be asked',
    advice: 'The page asks for what its model does not do.',
  },
  worker_failed: {
    title: 'The engine could not be started',
    advice: 'A policy of the page may forbid workers. Reload the page and try again.',
  },
};

const unknownFailure: Explanation = { title: 'Something went wrong', advice: 'Try again in a moment.' };

function explain(error: unknown): ProblemText {
  const retry = 'Try again';
  if (!(error instanceof OutriderError)) {
    return { ...unknownFailure, retry, details: error instanceof Error ? error.message : String(error) };
  }
  const { code, message, details } = error;
  const explanation = explanations[`${code}:${details.reason}`] ?? explanations[code] ?? unknownFailure;
  return { retry, ...explanation, details: `${code}: ${message}` };
}
