/** Brings node_modules in line with package-lock.json. Plain Node: it runs before anything is installed. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root, with a trailing separator. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Runs `npm ci` where packages are missing or of another version; output of npm goes to stderr. */
export function ensureModules() {
  const reason = findMismatch();
  if (!reason) return;
  console.error(`Installing packages (${reason}) ...`);
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status } = spawnSync(npm, ['ci', '--include=dev', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error(
      `npm ci failed (exit ${status}). It needs the network and Node ${requiredNode()}; this is ${process.version}.`,
    );
    process.exit(1);
  }
}

/** The first package whose installed version is not the locked one. @returns {string | undefined} */
function findMismatch() {
  const installed = readPackages('node_modules/.package-lock.json');
  if (!installed) return 'there are none yet';
  for (const [path, { version, optional, link }] of Object.entries(readPackages('package-lock.json') ?? {})) {
    if (path === '' || link || installed[path]?.version === version) continue;
    if (!optional || installed[path]) return `${path.replace('node_modules/', '')} ${version} is locked`;
  }
  return undefined;
}

/**
 * @param {string} file a lock file, from the root
 * @returns {Record<string, { version?: string; optional?: boolean; link?: boolean }> | undefined}
 */
function readPackages(file) {
  const path = join(root, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : undefined;
}

function requiredNode() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node;
}
