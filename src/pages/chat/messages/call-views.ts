/** What shows calls and takes their results, loaded with the first call: most answers have none. */
import { loadStyles } from '../../shared/styles.ts';
import styles from '../answer-views/calls.css?url';

export async function loadCallViews() {
  const [views] = await Promise.all([import('../answer-views/calls.ts'), loadStyles(styles)]);
  return views;
}
