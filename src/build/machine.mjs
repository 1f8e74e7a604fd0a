/** What this machine offers the test lanes, and on Debian as root: installing what is missing. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './modules.mjs';

/** Mesa's lavapipe before this major version is too old for the kernels' features; Debian 12 itself has 22. */
const OLDEST_MESA = 24;
const CHROMIUMS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/opt/google/chrome/chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];
const SOFTWARE = /llvmpipe|lavapipe|swiftshader|basic render|warp/i;

/**
 * @typedef {object} Machine
 * @property {{ name: string; software: boolean } | undefined} adapter what Dawn picks in Node
 * @property {string | undefined} chromium an executable
 * @property {{ lane: 'gpu' | 'browser'; what: string; advice: string }[]} missing
 */

/** Looks, installs what it can, looks again. @returns {Machine} */
export function prepareMachine() {
  const machine = inspect();
  const packages = neededPackages(machine);
  if (packages.length === 0 || !isDebian() || process.getuid?.() !== 0) return machine;
  installPackages(packages);
  return inspect();
}

/** @returns {Machine} */
function inspect() {
  const adapter = probeAdapter();
  const chromium = [process.env.OUTRIDER_CHROMIUM, ...CHROMIUMS].find((path) => path && existsSync(path));
  /** @type {Machine['missing']} */
  const missing = [];
  if (!adapter) {
    const advice =
      process.platform === 'linux'
        ? 'install a GPU driver with Vulkan, or lavapipe (Debian 12: apt install -t bookworm-backports mesa-vulkan-drivers)'
        : 'update the graphics driver';
    missing.push({ lane: 'gpu', what: 'a WebGPU adapter under Node', advice });
  }
  if (!chromium) {
    const advice = 'install Chromium or Chrome, or name one in OUTRIDER_CHROMIUM (Debian: apt install chromium)';
    missing.push({ lane: 'browser', what: 'Chromium', advice });
  }
  return { adapter, chromium, missing };
}

/** @param {Machine} machine @returns {string[]} Debian packages */
function neededPackages({ adapter, chromium }) {
  const mesaTooOld = adapter?.software && mesaVersion() < OLDEST_MESA;
  return [...(chromium ? [] : ['chromium']), ...(!adapter || mesaTooOld ? ['mesa-vulkan-drivers'] : [])];
}

function probeAdapter() {
  const { stdout } = spawnSync(process.execPath, [join(root, 'src/build/probe.mjs')], {
    encoding: 'utf8',
    env: { XDG_RUNTIME_DIR: '/tmp', ...process.env },
    timeout: 60_000,
  });
  const line = stdout?.split('\n').find((text) => text.startsWith('{'));
  if (!line) return undefined;
  const { name, vendor, device } = JSON.parse(line);
  return { name, software: SOFTWARE.test(`${name} ${vendor} ${device}`) };
}

/** Major version of the installed Mesa drivers; 0 where there are none. */
function mesaVersion() {
  const { stdout } = spawnSync('dpkg', ['-s', 'mesa-vulkan-drivers'], { encoding: 'utf8' });
  return Number(/^Version: (\d+)/m.exec(stdout ?? '')?.[1] ?? 0);
}

function osRelease() {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return (/** @type {string} */ key) => new RegExp(`^${key}="?([^"\n]*)`, 'm').exec(text)?.[1];
}

function isDebian() {
  return osRelease()('ID') === 'debian';
}

/** @param {string[]} packages */
function installPackages(packages) {
  console.log(`Installing ${packages.join(' and ')} with apt ...`);
  const codename = osRelease()('VERSION_CODENAME');
  const fromBackports = codename === 'bookworm' && packages.includes('mesa-vulkan-drivers');
  if (fromBackports) addBackports();
  apt('update');
  for (const name of packages) {
    const target = fromBackports && name === 'mesa-vulkan-drivers' ? ['-t', 'bookworm-backports'] : [];
    apt('install', '-y', '--no-install-recommends', ...target, name);
  }
}

function addBackports() {
  const folder = '/etc/apt/sources.list.d';
  const paths = ['/etc/apt/sources.list', ...readdirSync(folder).map((name) => join(folder, name))];
  const active = paths.filter((path) => existsSync(path) && /\.(list|sources)$/.test(path));
  const texts = active.map((path) => readFileSync(path, 'utf8'));
  if (texts.some((text) => /^[^#]*bookworm-backports/m.test(text))) return;
  const mirror = debianMirror(texts);
  if (!mirror) console.log("apt's sources name no mirror of Debian bookworm, so its backports cannot be added.");
  else writeFileSync(join(folder, 'bookworm-backports.list'), `deb ${mirror} bookworm-backports main\n`);
}

/**
 * The mirror that this machine has bookworm itself from: its backports are beside it.
 * @param {string[]} sources files in apt's one-line or deb822 format
 * @returns {string | undefined}
 */
export function debianMirror(sources) {
  for (const text of sources) {
    const line = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+bookworm\s/m.exec(text);
    if (line) return line[1];
    const block = text.split(/\n\s*\n/).find((part) => /^Suites:(?:.*\s)?bookworm(?:\s|$)/m.test(part));
    const uri = block && /^URIs:\s*(\S+)/m.exec(block);
    if (uri) return uri[1];
  }
  return undefined;
}

/** Failures show in apt's own output, and in what the second look finds missing. @param {string[]} args */
function apt(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status } = spawnSync('apt-get', ['-q', ...args], { stdio: ['ignore', 'inherit', 'inherit'], env });
  if (status !== 0) console.log(`apt-get ${args.join(' ')} failed (exit ${status})`);
}
