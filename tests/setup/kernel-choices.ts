/** The choice of kernels as a browser makes and keeps it at its first load of a model: made once for all files, since it takes half of a load. */
import type { Browser, BrowserContext, Page } from 'playwright-core';

/** What `src/model/tuning/memory.ts` keeps, by key. */
export type KernelChoices = readonly (readonly [key: string, table: unknown])[];

/** A real first load of the embedded model by each build there is: their shaders differ, and with them the keys. */
export async function makeChoices(browser: Browser, devSiteUrl: string, builtSiteUrl: string): Promise<KernelChoices> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${devSiteUrl}tests/browser/cache/index.html`); // any page of this origin
  const content = "import { createEngine } from '/src/index.ts'; await createEngine('/models/llama-scoutling');";
  await page.addScriptTag({ type: 'module', content: `${content} document.title = 'ready';` });
  await page.waitForFunction(() => document.title === 'ready', null, { timeout: 120_000 });
  const choices = await keptIn(page);
  await page.goto(builtSiteUrl);
  await page.waitForSelector('#model:visible', { timeout: 120_000 });
  choices.push(...(await keptIn(page)));
  await context.close();
  if (choices.length < 2) throw new Error('a browser has kept no choice of kernels');
  return choices;
}

function keptIn(page: Page): Promise<[string, unknown][]> {
  return page.evaluate(async () => {
    const resultOf = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const database = await resultOf(indexedDB.open('outrider-kernels'));
    const store = database.transaction('kernels').objectStore('kernels');
    const [keys, tables] = await Promise.all([resultOf(store.getAllKeys()), resultOf(store.getAll())]);
    database.close();
    return keys.map((key, at): [string, unknown] => [String(key), tables[at]]);
  });
}

/** Pages of this context begin as if their origin had loaded the model before. */
export async function rememberChoices(context: BrowserContext, choices: KernelChoices): Promise<void> {
  await context.addInitScript((all) => {
    if (!location.protocol.startsWith('http')) return; // nothing is stored there
    // Before any script of the page, and in one transaction, which whoever opens the database next waits for.
    const opening = indexedDB.open('outrider-kernels', 1);
    opening.onupgradeneeded = () => {
      const store = opening.result.createObjectStore('kernels');
      for (const [key, table] of all) store.put(table, key);
    };
    opening.onsuccess = () => opening.result.close();
  }, choices);
}
