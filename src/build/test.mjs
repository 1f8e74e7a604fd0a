/** `npm test [-- VITEST ARGUMENTS]`: installs, then types, lint and every test lane; ends in one line of counts. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { prepareMachine } from './machine.mjs';
import { ensureModules, root } from './modules.mjs';

/** How many tests CI may skip: those of a server that others wrote, which runs on demand, and where a clone stands alone those that compare with ../shared. */
const SKIP_LIMIT = { besideShared: 2, alone: 32 };
const NUM_SLOWEST = 8;
/** Dawn says this of every driver that names no limit. */
const NOISE = /artificially reduced from \d+ to \d+/;

const inCi = Boolean(process.env.CI);
const hasShared = existsSync(join(root, '../shared'));
const started = Date.now();

ensureModules();
const machine = prepareMachine();
report(machine);
const counts = { passed: 0, failed: 0, skipped: 0 };
if (inCi) counts.failed += machine.missing.length;
await Promise.all([
  check('types', 'typescript/bin/tsc', '--noEmit'),
  check('lint', '@biomejs/biome/bin/biome', 'check', '.'),
]);
await runLanes();
boundSkips();
console.log(`${Math.round((Date.now() - started) / 1000)} s in all`);
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed > 0 ? 1 : 0);

/** @param {import('./machine.mjs').Machine} machine */
function report({ adapter, chromium, missing }) {
  if (adapter) console.log(`GPU lane: ${adapter.name}${adapter.software ? ' (software)' : ''}`);
  if (chromium) console.log(`Browser lane: ${chromium}`);
  if (!hasShared) console.log('There is no ../shared beside this clone: tests that compare with it are skipped.');
  for (const { lane, what, advice } of missing) {
    console.log(`${inCi ? 'FAILED' : 'SKIPPED'}: the ${lane} lane needs ${what}; ${advice}.`);
  }
}

/** One tool as one test; its output shows only when it fails. @param {string} name @param {string} bin @param {string[]} args */
async function check(name, bin, ...args) {
  const { status, output } = await run([join(root, 'node_modules', bin), ...args], 'pipe');
  console.log(status === 0 ? `ok ${name}` : `FAILED ${name}\n${output}`);
  counts[status === 0 ? 'passed' : 'failed']++;
}

async function runLanes() {
  const results = join(root, '.cache/tests.json');
  mkdirSync(join(root, '.cache'), { recursive: true });
  rmSync(results, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
  const { status } = await run(
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...process.argv.slice(2)],
    'show',
    {
      OUTRIDER_MISSING_LANES: machine.missing.map(({ lane }) => lane).join(' '),
      OUTRIDER_CHROMIUM: machine.chromium ?? '',
      // Each fault once or twice; "npm run faults" does 200 runs.
      FAULT_RUNS: process.env.FAULT_RUNS ?? '60',
      // A quarter of the experts; "npm run true-size" takes all.
      TRUE_SIZE_EXPERTS: process.env.TRUE_SIZE_EXPERTS ?? '4',
      // Chromium's own name for its software adapter, which every Chromium has.
      OUTRIDER_BROWSER_ADAPTER: machine.adapter?.software === false ? 'default' : 'swiftshader',
    },
  );
  const before = counts.failed;
  if (existsSync(results)) tally(JSON.parse(readFileSync(results, 'utf8')).testResults);
  // A crash or an unhandled error fails the run without failing a test.
  if (status !== 0 && counts.failed === before) counts.failed++;
}

/** @param {{ name: string; status: string; startTime: number; endTime: number; assertionResults: { status: string; fullName: string }[] }[]} files */
function tally(files) {
  const name = (/** @type {{ name: string }} */ file) => relative(root, file.name);
  for (const file of files) {
    const broken = file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed');
    if (broken) counts.failed++;
    for (const { status, fullName } of file.assertionResults) {
      if (status === 'passed' || status === 'failed') counts[status]++;
      else {
        counts.skipped++;
        console.log(`skipped ${name(file)}: ${fullName}`);
      }
    }
  }
  const seconds = (/** @type {typeof files[number]} */ file) => (file.endTime - file.startTime) / 1000;
  const slowest = files.toSorted((a, b) => seconds(b) - seconds(a)).slice(0, NUM_SLOWEST);
  console.log(`Slowest: ${slowest.map((file) => `${name(file)} ${seconds(file).toFixed(1)} s`).join(', ')}`);
}

function boundSkips() {
  const limit = hasShared ? SKIP_LIMIT.besideShared : SKIP_LIMIT.alone;
  console.log(`${counts.skipped} skipped${inCi ? `, at most ${limit} may be` : ''}`);
  if (!inCi || counts.skipped <= limit) return;
  console.log('FAILED: more tests were skipped than the limit in src/build/test.mjs allows.');
  counts.failed++;
}

/**
 * Runs Node; what it prints is returned ('pipe') or shown as it comes ('show').
 * @param {string[]} args
 * @param {'pipe' | 'show'} output
 * @param {Record<string, string>} env
 * @returns {Promise<{ status: number | null; output: string }>}
 */
function run(args, output, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', output === 'show' ? 'inherit' : 'pipe', 'pipe'],
      env: { XDG_RUNTIME_DIR: tmpdir(), ...process.env, ...env },
    });
    let text = '';
    const collect = (/** @type {Buffer} */ data) => {
      text += data;
    };
    child.stdout?.on('data', collect);
    if (output === 'pipe') child.stderr?.on('data', collect);
    else if (child.stderr) createInterface(child.stderr).on('line', (line) => NOISE.test(line) || console.error(line));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output: text }));
  });
}
