/** The package's types: the declarations that its entries lead to, and custom-elements.json. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { root } from './modules.mjs';

const ENTRIES = ['index', 'element/index', 'element/register', 'api/prompt-api', 'worker/worker'];
/** Bundled packages whose types show: a consumer does not have them. */
const BUNDLED = { lit: 'lit', '@huggingface/jinja': 'jinja' };
const ELEMENT = 'src/element/outrider-chat.ts';

/** Makes dist/types. Types are checked by `npm test`; here they are only written down. */
export async function makeTypes() {
  const target = join(root, 'dist/types');
  const all = join(root, 'dist/.declarations');
  rmSync(target, { recursive: true, force: true });
  runTypeScript(all);
  copyReachable(all, target);
  rmSync(all, { recursive: true });
  writeFileSync(join(target, 'custom-elements.json'), `${JSON.stringify(await describeElement(), null, 2)}\n`);
}

/** @param {string} outDir */
function runTypeScript(outDir) {
  const arguments_ = [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'src/build/tsconfig.lib.json')];
  const options = {
    stdio: /** @type {import('node:child_process').StdioOptions} */ (['ignore', 'inherit', 'inherit']),
  };
  const { status } = spawnSync(process.execPath, [...arguments_, '--outDir', outDir], options);
  if (status !== 0) throw new Error(`The declarations could not be written (tsc exit ${status}).`);
}

/** Specifiers become those of the files that are there. @param {string} all @param {string} target */
function copyReachable(all, target) {
  const bundled = join(target, 'bundled');
  mkdirSync(bundled, { recursive: true });
  for (const name of Object.values(BUNDLED)) {
    copyFileSync(join(root, `src/build/bundled-types/${name}.d.ts`), join(bundled, `${name}.d.ts`));
  }
  const files = new Set(ENTRIES.map((name) => `${name}.d.ts`));
  for (const file of files) {
    const folder = dirname(file);
    const text = readFileSync(join(all, file), 'utf8').replace(
      /^(?! *\*)(.*(?:\bfrom |\bimport\(|^import ))(['"])([^'"]+)\2/gm, // not in comments
      (_match, before, quote, specifier) => `${before}${quote}${follow(specifier)}${quote}`,
    );
    mkdirSync(join(target, folder), { recursive: true });
    writeFileSync(join(target, file), text);

    /** @param {string} specifier @returns {string} */
    function follow(specifier) {
      if (specifier.startsWith('.')) {
        files.add(relative(all, resolve(all, folder, specifier.replace(/\.ts$/, '.d.ts'))).replaceAll('\\', '/'));
        return specifier.replace(/\.ts$/, '.js');
      }
      const name = BUNDLED[/** @type {keyof typeof BUNDLED} */ (specifier)];
      if (!name) throw new Error(`${file} shows types of ${specifier}, which is not in the package.`);
      const path = relative(join(target, folder), join(bundled, `${name}.js`)).replaceAll('\\', '/');
      return path.startsWith('.') ? path : `./${path}`;
    }
  }
}

/** The element for editors and catalogues, as it is imported. @returns {Promise<object>} */
async function describeElement() {
  const analyzer = '@custom-elements-manifest/analyzer'; // whose types are not those of what it exports
  const { create, ts } = await import(analyzer);
  const { litPlugin } = await import(`${analyzer}/src/features/framework-plugins/lit/lit.js`);
  const source = readFileSync(join(root, ELEMENT), 'utf8');
  const modules = [ts.createSourceFile(ELEMENT, source, ts.ScriptTarget.ES2022, true)];
  const { schemaVersion, modules: described } = create({ modules, plugins: litPlugin(), context: { dev: false } });
  const declaration = described[0].declarations.find(
    (/** @type {{ name: string }} */ { name }) => name === 'OutriderChat',
  );
  const isPublic = (/** @type {{ privacy?: string }} */ { privacy = 'public' }) => privacy === 'public';
  const element = { ...declaration, tagName: 'outrider-chat', members: declaration.members.filter(isPublic) };
  const path = 'dist/lib/element.js';
  const reference = { name: 'OutriderChat', module: path };
  return {
    schemaVersion,
    readme: 'README.md',
    modules: [
      {
        kind: 'javascript-module',
        path,
        declarations: [element],
        exports: [{ kind: 'js', name: 'OutriderChat', declaration: reference }],
      },
      {
        kind: 'javascript-module',
        path: 'dist/lib/register.js',
        declarations: [],
        exports: [
          { kind: 'js', name: 'OutriderChat', declaration: reference },
          { kind: 'custom-element-definition', name: 'outrider-chat', declaration: reference },
        ],
      },
    ],
  };
}
