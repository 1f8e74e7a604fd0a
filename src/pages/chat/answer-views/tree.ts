/** JSON as a tree whose branches open and close. Branches are built when they are opened first. Loaded with the first such answer. */
import { create, createButton } from '../../shared/dom.ts';

const openDepth = 2; // branches above it are open at first
const pageSize = 100; // children that are shown at a time

/** @param value as `JSON.parse` gives it */
export function createJsonTree(value: unknown): HTMLElement {
  const root = create('div', { className: 'json-tree', dir: 'ltr' });
  root.append(createNode(undefined, value, 0));
  return root;
}

/** @param key of an object's member, or an element's place in its list */
function createNode(key: string | number | undefined, value: unknown, depth: number): HTMLElement {
  const name =
    key === undefined
      ? []
      : [create('span', { className: 'json-key' }, typeof key === 'string' ? key : String(key)), ': '];
  if (typeof value !== 'object' || value === null) {
    return create(
      'div',
      { className: 'json-leaf' },
      ...name,
      create('span', { className: classOf(value) }, leaf(value)),
    );
  }
  const isList = Array.isArray(value);
  const children: readonly (readonly [string | number, unknown])[] = isList
    ? value.map((one, at) => [at, one])
    : Object.entries(value);
  const size = create('span', { className: 'json-size' }, sizeOf(isList, children.length));
  if (children.length === 0) return create('div', { className: 'json-leaf' }, ...name, size);
  const list = create('ul', {});
  const branch = create('details', { open: depth < openDepth }, create('summary', {}, ...name, size), list);
  const fill = () => {
    if (branch.open && list.childElementCount === 0) addChildren(list, children, 0, depth + 1);
  };
  fill();
  branch.addEventListener('toggle', fill);
  return branch;
}

function addChildren(
  list: HTMLElement,
  children: readonly (readonly [string | number, unknown])[],
  from: number,
  depth: number,
): void {
  const shown = children.slice(from, from + pageSize);
  list.append(...shown.map(([key, value]) => create('li', {}, createNode(key, value, depth))));
  const rest = children.length - from - shown.length;
  if (rest === 0) return;
  const more = create('li', {});
  const button = createButton(`Show more: ${rest.toLocaleString('en')} left`, () => {
    more.remove();
    addChildren(list, children, from + pageSize, depth);
    const next = list.children[from + pageSize];
    next?.querySelector<HTMLElement>('summary, button')?.focus();
  });
  more.append(button);
  list.append(more);
}

function sizeOf(isList: boolean, length: number): string {
  if (length === 0) return isList ? '[ ]' : '{ }';
  const count = length.toLocaleString('en');
  return isList ? `[${count}]` : `{${count}}`;
}

const leaf = (value: unknown) => JSON.stringify(value);

function classOf(value: unknown): string {
  if (typeof value === 'string') return 'hl-string';
  return typeof value === 'number' ? 'hl-number' : 'hl-literal';
}
