/**
 * Asks the browser to keep our storage when disk space runs low. For the page to call: workers have no `persist()`.
 * @param timeoutMs a prompt that nobody sees is never answered; after this long it counts as `unanswered`
 */
export async function persistStorage(
  timeoutMs = 5000,
  storage: Pick<StorageManager, 'persist' | 'persisted'> = navigator.storage,
): Promise<'granted' | 'refused' | 'unanswered'> {
  if (await storage.persisted()) return 'granted';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<'unanswered'>((resolve) => {
    timer = setTimeout(() => resolve('unanswered'), timeoutMs);
  });
  const answer = storage.persist().then((granted) => (granted ? 'granted' : 'refused'));
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
