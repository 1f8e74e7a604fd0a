/**
 * Keeps the built pages for use without a network. Models are no business of it: the library keeps them in files of its
 * own, part by part. Built into one classic script at the site's root; the build puts `KEPT` before it.
 */

/** What this version of the site consists of. */
interface Kept {
  /** A hash over all of it. */
  readonly version: string;
  /** URLs of the site's root, such as `/` and `/assets/index-….js`. */
  readonly files: readonly string[];
}

declare const KEPT: Kept;

/** The parts of a service worker's global scope that are used: TypeScript has them only instead of the DOM's. */
interface Scope {
  readonly caches: CacheStorage;
  readonly location: Location;
  readonly registration: ServiceWorkerRegistration;
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: LifeEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: LifeEvent & FetchFacts) => void): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
}
interface LifeEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchFacts {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const scope = globalThis as unknown as Scope;
const prefix = 'outrider-site-';
const cacheName = prefix + KEPT.version;
const kept = new Set(KEPT.files);

scope.addEventListener('install', (event) => {
  // Past the HTTP cache: what is kept together belongs together.
  const requests = KEPT.files.map((file) => new Request(file, { cache: 'reload' }));
  event.waitUntil(scope.caches.open(cacheName).then((cache) => cache.addAll(requests)));
});

scope.addEventListener('activate', (event) => {
  event.waitUntil(Promise.all([removeOld(), scope.clients.claim()]));
});

scope.addEventListener('message', ({ data }) => {
  if (data === 'take over') void scope.skipWaiting();
});

scope.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== scope.location.origin) return;
  if (kept.has(url.pathname) || url.pathname.startsWith('/assets/')) event.respondWith(answer(url.pathname, request));
});

/** What is kept, by its path: pages take their query themselves. Assets of other versions and rare ones come from anywhere. */
async function answer(path: string, request: Request): Promise<Response> {
  const own = await (await scope.caches.open(cacheName)).match(path);
  const found = own ?? (await scope.caches.match(path));
  if (found) return found;
  const response = await fetch(request);
  if (response.ok && path.startsWith('/assets/')) {
    const copy = response.clone(); // their names are hashes of what they are: they never change
    await (await scope.caches.open(cacheName)).put(path, copy).catch(() => {}); // a full disk: not kept then
  }
  return response;
}

/** All but this version and the one before: tabs that are still open load the rest of theirs from there. */
async function removeOld(): Promise<void> {
  const names = (await scope.caches.keys()).filter((name) => name.startsWith(prefix) && name !== cacheName);
  await Promise.all(names.slice(0, -1).map((name) => scope.caches.delete(name)));
}
