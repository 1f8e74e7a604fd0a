#!/usr/bin/env node
/** The `outrider` command: in a checkout it builds the command line first when that is stale. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureModules, root } from './modules.mjs';

if (existsSync(join(root, 'vite.config.ts'))) {
  ensureModules();
  const { ensureBuilt } = await import('./fresh.mjs');
  await ensureBuilt('cli');
}
await import(pathToFileURL(join(root, 'dist/cli/outrider.js')).href);
