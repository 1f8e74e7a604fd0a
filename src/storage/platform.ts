/** Whether this runs under Node. Bundlers and test environments polyfill `process` in browsers, so a document or a worker scope decides first. */
export function isNode(): boolean {
  const isWeb = 'document' in globalThis || 'WorkerGlobalScope' in globalThis;
  return !isWeb && typeof process === 'object' && process.versions?.node !== undefined;
}
