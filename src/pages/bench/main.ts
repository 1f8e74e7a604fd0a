/** Starts the benchmark page: `?model=ADDRESS` adds a model to the choice. */
import { byId } from '../shared/dom.ts';
import { setUpTheme } from '../shared/theme.ts';
import { Bench, type Extent } from './bench.ts';
import { setUpModels } from './models.ts';

const bench = new Bench();
setUpTheme(() => bench.redraw());
void setUpModels(new URLSearchParams(location.search).get('model'));

const start = () => void bench.start(byId<HTMLSelectElement>('extent').value as Extent);
byId('run').addEventListener('submit', (event) => {
  event.preventDefault();
  start();
});
byId('stop').addEventListener('click', () => bench.stop());
byId('problem-retry').addEventListener('click', start);
document.addEventListener('keydown', ({ key }) => {
  if (key === 'Escape' && !document.querySelector('dialog[open]')) bench.stop();
});
