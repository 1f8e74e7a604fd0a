/** `npm run build [-- PART…]`: makes dist/, the site and what npm gets, where it is not up to date. Parts: site lib element cli types. */
import { ensureBuilt, PACKAGE_PARTS } from './fresh.mjs';
import { ensureModules } from './modules.mjs';

/** @type {Parameters<typeof ensureBuilt>[0][]} */
const all = ['site', ...PACKAGE_PARTS];
const asked = process.argv.slice(2);
const unknown = asked.find((name) => name !== 'package' && !all.some((part) => part === name));
if (unknown) {
  console.error(`There is no part "${unknown}". Parts: ${all.join(' ')}; package: all but the site.`);
  process.exit(1);
}
ensureModules();
const isAsked = (/** @type {typeof all[number]} */ part) =>
  asked.length === 0 || asked.includes(part) || (asked.includes('package') && part !== 'site');
for (const part of all) if (isAsked(part)) await ensureBuilt(part);
