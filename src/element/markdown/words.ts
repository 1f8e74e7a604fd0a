/** What rendered Markdown says besides the answer's own text. */
import type { CopyWords } from '../dom.ts';

export interface MarkdownWords extends CopyWords {
  /** Names the scrolling box of a code block; `language` is '' where none was given. */
  readonly code: (language: string) => string;
  /** Names the scrolling box of a table. */
  readonly table: string;
  /** A picture without a description. */
  readonly picture: string;
  readonly loadPicture: (host: string) => string;
  /** The server, or a policy of the page, does not let the picture through. */
  readonly pictureDenied: (host: string) => string;
}

export const markdownWords: MarkdownWords = {
  copy: 'Copy',
  copied: 'Copied',
  copyDenied: 'Not allowed',
  code: (language) => (language === '' ? 'Code' : `Code in ${language}`),
  table: 'Table',
  picture: 'Picture',
  loadPicture: (host) => `Load from ${host}`,
  pictureDenied: (host) => `${host} does not allow this page to load it`,
};
