/** What has just happened, in a line at the page's foot. Loaded when the first is shown: most visits have none. */
import { loadStyles } from '../shared/styles.ts';
import styles from './toast.css?url';

export interface Toast {
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void } | undefined;
  /** Stays until it is closed; else it goes by itself. */
  readonly stays?: boolean | undefined;
}

export async function showToast(toast: Toast): Promise<void> {
  const [{ addToast }] = await Promise.all([import('./toast-view.ts'), loadStyles(styles)]);
  addToast(toast);
}
