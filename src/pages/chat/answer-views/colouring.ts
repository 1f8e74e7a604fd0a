/** Colours of code, with what knows the languages loaded when the first block names one. */
import type { Highlighter } from '../../../element/markdown/view.ts';

export const highlight: Highlighter = async (code, language) =>
  language === '' ? undefined : (await import('./highlight.ts')).highlight(code, language);
