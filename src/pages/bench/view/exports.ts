/** The run on the page as JSON and as Markdown, for the clipboard or as a file. */
import type { BenchResults } from '../../../bench/results.ts';
import { byId, createButton, createCopyButton } from '../../shared/dom.ts';
import type { Comparison } from '../comparison.ts';
import { toMarkdown } from '../report/markdown.ts';

export class RunExports {
  /** @param run the one on the page, once it is complete */
  constructor(run: () => BenchResults | undefined, comparison: () => Comparison | undefined) {
    const json = () => JSON.stringify(run(), null, 1);
    const markdown = () => {
      const results = run();
      return results ? toMarkdown(results, comparison()) : '';
    };
    byId('exports').append(
      createCopyButton(json, 'Copy as JSON'),
      createCopyButton(markdown, 'Copy as Markdown'),
      createButton('Save JSON', () => save(json(), `outrider-bench-${run()?.date.slice(0, 10)}.json`)),
    );
  }
}

function save(text: string, name: string): void {
  const href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = document.createElement('a');
  Object.assign(link, { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}
