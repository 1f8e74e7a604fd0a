/** A failure as a page explains it, and what every page has to say about WebGPU. */
import { OutriderError } from '../../errors.ts';

export { unusablePlatform } from '../../element/platform.ts';

/** A page's worth of explanation. */
export interface Problem {
  readonly title: string;
  /** One or two sentences: what this means. */
  readonly lead: string;
  /** Things to try, most likely first. */
  readonly advice: readonly string[];
  /** The label of the button that tries again. */
  readonly retry: string;
  /** For a bug report: code, message, details. */
  readonly details: string;
}

/** What is said about one kind of failure. */
export type Explanation = Omit<Problem, 'details' | 'retry'> & { readonly retry?: string };

/** Code, message, details and cause of any failure, for a bug report. */
export function describe(error: unknown): string {
  if (!(error instanceof OutriderError)) return String(error);
  const facts = Object.entries(error.details).map(([name, value]) => `${name}: ${value}`);
  const cause = error.cause === undefined ? [] : [`cause: ${error.cause}`];
  return [`${error.code}: ${error.message}`, ...facts, ...cause].join('\n');
}

/** Why WebGPU cannot be used, by `details.reason` of a `webgpu_unavailable`. */
export function explainWebGpu(error: OutriderError): Explanation {
  switch (error.details.reason) {
    case 'insecure-origin':
      return {
        title: 'This address is not secure',
        lead: 'Browsers offer WebGPU only on https:// and on localhost, and this page came over plain http.',
        advice: ['Open the page over https://.', 'On the machine that serves it, open http://localhost instead.'],
      };
    case 'no-api':
      return {
        title: 'This browser has no WebGPU',
        lead: 'The model runs on the GPU through WebGPU, which this browser does not offer.',
        advice: [
          'Use Chrome or Edge 113 or newer, Safari 26 or newer, or Firefox 141 or newer.',
          'If the browser is new enough, WebGPU may be switched off by a flag or by policy.',
        ],
      };
    case 'limits':
      return {
        title: 'This graphics adapter is too small',
        lead: error.message,
        advice: ['If the machine has a second GPU, make the browser use that one.', 'Choose a smaller model.'],
      };
    default:
      return {
        title: 'No graphics adapter',
        lead: 'The browser has WebGPU but found no adapter that it trusts: there is none, its driver is on the browser’s blocklist, or it failed too often.',
        advice: [
          'Turn on hardware acceleration in the browser’s settings and restart the browser.',
          'Update the graphics driver; chrome://gpu says what is blocked and why.',
        ],
      };
  }
}
