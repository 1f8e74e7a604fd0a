/** What has just happened, in a line at the page's foot. Loaded when the first is shown: most visits have none. */
import { loadStyles } from '../shared/styles.ts';
import styles from './toast.css?url';
import type { Toast } from './toast-view.ts';

/** Shows it, and has screen readers say it. */
export async function showToast(toast: Toast): Promise<void> {
  const [{ addToast }] = await Promise.all([import('./toast-view.ts'), loadStyles(styles)]);
  addToast(toast);
}
