/** Has the service worker keep the page for use without a network, and tells of a new version. */

const checkMs = 3_600_000; // an open page asks for a new version at most this often

/** @param onUpdate called when a new version is ready; `reload` shows it. Builds only: while developing, every file changes. */
export function keepForOffline(onUpdate: (reload: () => void) => void): void {
  const { serviceWorker } = navigator;
  if (!import.meta.env.PROD || !serviceWorker) return; // plain http has none
  serviceWorker.register('/service-worker.js').then(
    (registration) => watch(serviceWorker, registration, onUpdate),
    (error) => console.info(`Outrider will not work offline: ${error}`), // the page itself works
  );
}

function watch(
  container: ServiceWorkerContainer,
  registration: ServiceWorkerRegistration,
  onUpdate: (reload: () => void) => void,
): void {
  const announce = (worker: ServiceWorker) => {
    if (!container.controller) return; // the first one ever: what is shown is what it keeps
    onUpdate(() => {
      container.addEventListener('controllerchange', () => location.reload(), { once: true });
      worker.postMessage('take over');
    });
  };
  if (registration.waiting) announce(registration.waiting);
  registration.addEventListener('updatefound', () => {
    const worker = registration.installing;
    worker?.addEventListener('statechange', () => {
      if (worker.state === 'installed') announce(worker);
    });
  });
  let checked = Date.now();
  document.addEventListener('visibilitychange', () => {
    if (document.hidden || Date.now() - checked < checkMs) return;
    checked = Date.now();
    registration.update().catch(() => {}); // no network: later
  });
}
