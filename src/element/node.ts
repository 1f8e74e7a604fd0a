/**
 * What a server gets in place of the element, by the `node` condition of the package's exports: pages that are rendered there import
 * the element like the browser does, and Lit would set globals of its own.
 */
import { OutriderError } from '../errors.ts';

export class OutriderChat {
  constructor() {
    const message = '<outrider-chat> needs a document. Create it in a browser; on a server only write its tag.';
    throw new OutriderError('invalid_request', message);
  }
}
