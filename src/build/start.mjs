/** `npm start [-- --port N --host]`: installs, builds and serves the pages with the embedded model. */
import { parseArgs } from 'node:util';
import { ensureBuilt } from './fresh.mjs';
import { ensureModules, root } from './modules.mjs';

const { values } = parseArgs({
  options: { port: { type: 'string', default: process.env.PORT ?? '4173' }, host: { type: 'boolean', default: false } },
});

ensureModules();
await ensureBuilt('site');
const { preview } = await import('vite');
const server = await preview({
  root,
  mode: 'site',
  logLevel: 'warn',
  preview: { port: Number(values.port), host: values.host ? '0.0.0.0' : '127.0.0.1' },
});
const urls = server.resolvedUrls;
console.log(`Outrider is at ${urls?.local[0]}${urls?.network[0] ? ` and ${urls.network[0]}` : ''} (stop: Ctrl+C)`);
if (values.host)
  console.log('Browsers offer WebGPU only on https:// and localhost: other machines need a TLS proxy in front.');
