/** The licences of what a build bundles stand beside it, as those licences ask: workers' packages included. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

const PACKAGE = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/;
const LICENSE_FILE = /^(licen[cs]e|notice|copying)/i;

/** Vite plugins for a build and for its workers, which share one list of packages. */
export function bundleLicenses(fileName: string): { main: Plugin; worker: Plugin } {
  const folders = new Set<string>();
  // What tree shaking leaves out is not bundled, and needs no licence.
  const collect = (bundle: OutputBundle): void => {
    for (const output of Object.values(bundle)) {
      if (output.type !== 'chunk') continue;
      for (const [id, { renderedLength }] of Object.entries(output.modules)) {
        const folder = renderedLength > 0 ? PACKAGE.exec(id)?.[1] : undefined;
        if (folder) folders.add(folder);
      }
    }
  };
  return {
    worker: {
      name: 'outrider:worker-licenses',
      apply: 'build',
      generateBundle(_options, bundle) {
        collect(bundle as OutputBundle);
      },
    },
    main: {
      name: 'outrider:licenses',
      apply: 'build',
      generateBundle(_options, bundle) {
        collect(bundle as OutputBundle);
        this.emitFile({ type: 'asset', fileName, source: [...folders].sort().map(describePackage).join('\n\n') });
      },
    },
  };
}

/** The part of Rolldown's bundle that is looked at. */
type OutputBundle = Record<
  string,
  { type: 'asset' } | { type: 'chunk'; modules: Record<string, { renderedLength: number }> }
>;

/** Name, version, licence and source of an installed package, then its licence and notice files. @throws Error without any */
export function describePackage(folder: string): string {
  const { name, version, license, homepage, repository } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  ) as { name: string; version: string; license: string; homepage?: string; repository?: string | { url: string } };
  const texts = readdirSync(folder)
    .filter((file) => LICENSE_FILE.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  // Some packages only name their licence, whose terms ask for its text all the same.
  const standard = new URL(`./license-texts/${license}.txt`, import.meta.url);
  if (texts.length === 0 && existsSync(standard)) texts.push(readFileSync(standard, 'utf8').trim());
  if (texts.length === 0) throw new Error(`${name} ${version} brings no licence file, and bundling it needs one`);
  const source = typeof repository === 'object' ? repository.url : (repository ?? homepage ?? '');
  return [`${'='.repeat(80)}\n${name} ${version}\nLicense: ${license}\nSource: ${source}`, ...texts].join('\n\n');
}
