/** Which kernels these are: a hash of all WGSL, so that a choice or a check of others is not taken for theirs. */
const shaders = import.meta.glob<string>('../../../shaders/**/*.wgsl', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** FNV-1a over all sources in order of their names. */
export function kernelVersion(): number {
  let hash = 0x811c9dc5;
  for (const source of Object.values(shaders)) {
    for (let at = 0; at < source.length; at++) hash = Math.imul(hash ^ source.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}
