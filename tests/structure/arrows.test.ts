import { describe, expect, it } from 'vitest';
import { codeOf, type Import, importsOf, readSources, roomOf } from './sources.ts';

/** Room -> rooms right below it. What those may import is allowed too; errors is allowed everywhere. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  build: [],
  gpu: ['errors'],
  quant: ['errors'],
  storage: ['errors'],
  checkpoint: ['storage', 'quant'],
  tokenizer: ['errors'],
  chat: ['tokenizer'],
  kernels: ['gpu', 'quant'],
  experts: ['gpu', 'storage'],
  model: ['kernels', 'experts', 'checkpoint', 'quant', 'chat'],
  ports: ['errors'],
  loader: ['model', 'ports', 'storage'],
  ghost: ['checkpoint'],
  reference: ['quant', 'model'],
  engine: ['model', 'tokenizer', 'chat', 'ports'],
  grammar: ['engine'],
  api: ['grammar'],
  worker: ['engine', 'loader'],
  index: ['api', 'worker'],
  element: ['index'],
  bench: ['reference'],
  pages: ['element', 'bench'],
  cli: ['index', 'bench', 'ghost'],
};

/** No WebGPU, no DOM, no Node: they run in a page, a worker and Node alike. */
const PURE = ['quant', 'checkpoint', 'tokenizer', 'chat'];
const PURE_PACKAGES = ['@huggingface/jinja', '@huggingface/tokenizers'];
const IMPURE =
  /(?<![.\w])(?:GPU[A-Z]\w*|navigator|localStorage|indexedDB|XMLHttpRequest|fetch(?=\()|(?:document|window|process|Buffer|self)(?=\.))/g;

const sources = readSources('src', ['.ts', '.mjs']);
const imports = sources.flatMap(importsOf);
const ownImports = imports.filter(({ own, to }) => own && to.startsWith('src/'));

function reachable(room: string, seen = new Set<string>(['errors'])): Set<string> {
  for (const below of ARROWS[room] ?? []) {
    if (seen.has(below)) continue;
    seen.add(below);
    reachable(below, seen);
  }
  return seen;
}

const arrow = ({ from, to }: Import) => `${from} -> ${to}`;

describe('the rooms of src', () => {
  it('are all in the table of arrows', () => {
    const rooms = new Set(sources.map(({ path }) => roomOf(path)));
    expect([...rooms].filter((room) => !ARROWS[room])).toEqual([]);
  });

  it('import only downward', () => {
    const upward = ownImports.filter(({ from, to }) => {
      const [room, target] = [roomOf(from), roomOf(to)];
      return room !== target && !reachable(room).has(target);
    });
    expect(upward.map(arrow)).toEqual([]);
  });

  it('have no import cycle, neither between rooms nor between files', () => {
    const rooms = Object.fromEntries(Object.keys(ARROWS).map((room) => [room, [...(ARROWS[room] ?? [])]]));
    expect(findCycle(rooms)).toBeUndefined();
    const files = Object.fromEntries(sources.map(({ path }) => [path, [] as string[]]));
    for (const { from, to } of ownImports) files[from]?.push(to);
    expect(findCycle(files)).toBeUndefined();
  });

  it('stay out of the tests', () => {
    expect(imports.filter(({ own, to }) => own && to.startsWith('tests/')).map(arrow)).toEqual([]);
  });

  it.each(PURE)('keep %s pure: no WebGPU, no DOM, no Node, no other package', (room) => {
    const own = sources.filter(({ path }) => roomOf(path) === room);
    const names = own.flatMap(({ path, text }) => (codeOf(text).match(IMPURE) ?? []).map((name) => `${path}: ${name}`));
    const packages = own.flatMap(importsOf).filter(({ own, to }) => !own && !PURE_PACKAGES.includes(to));
    expect([...names, ...packages.map(arrow)]).toEqual([]);
  });
});

/** The nodes of one cycle in order, if there is any. */
function findCycle(graph: Readonly<Record<string, readonly string[]>>): string[] | undefined {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return undefined;
    for (const next of graph[node] ?? []) {
      const cycle = visit(next, [...path, node]);
      if (cycle) return cycle;
    }
    done.add(node);
    return undefined;
  };
  for (const node of Object.keys(graph)) {
    const cycle = visit(node, []);
    if (cycle) return cycle;
  }
  return undefined;
}
