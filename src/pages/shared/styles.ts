/** Style sheets of what a page shows only when it is asked for. */
import { create } from '../../element/dom.ts';

const loading = new Map<string, Promise<void>>();

/** Adds a style sheet once. Resolves when it counts, so that nothing is seen without it. Rejects where it cannot be fetched. */
export function loadStyles(href: string): Promise<void> {
  const found = loading.get(href);
  if (found) return found;
  const added = new Promise<void>((resolve, reject) => {
    const link = create('link', { rel: 'stylesheet', href });
    link.addEventListener('load', () => resolve());
    link.addEventListener('error', () => {
      loading.delete(href); // the next one tries again
      link.remove();
      reject(new TypeError(`The style sheet ${href} could not be fetched.`));
    });
    document.head.append(link);
  });
  loading.set(href, added);
  return added;
}
