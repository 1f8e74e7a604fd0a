/** Pictures of an answer: a button until it is pressed, because fetching one tells its server that the answer was read. */
import { create } from '../dom.ts';
import type { MarkdownWords } from './words.ts';

/** @param name the picture's description, '' for none */
export function remoteImage(address: string, name: string, words: MarkdownWords): HTMLElement {
  const shown = name || words.picture;
  const url = webAddress(address);
  // Relative: there is nothing here that it could mean.
  if (!url) return create('span', { className: 'remote-image' }, shown);
  const note = create('small', {}, words.loadPicture(url.host));
  const button = create(
    'button',
    { type: 'button', className: 'remote-image', title: url.href },
    create('span', {}, shown),
    note,
  );
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      button.replaceWith(await loadPicture(url, shown));
    } catch {
      note.textContent = words.pictureDenied(url.host);
    }
  });
  return button;
}

/** Fetched without cookies and referrer, which an `<img>` by itself would send. @throws where anything is in the way */
async function loadPicture(url: URL, name: string): Promise<HTMLImageElement> {
  const response = await fetch(url, { credentials: 'omit', referrerPolicy: 'no-referrer' });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const source = URL.createObjectURL(await response.blob());
  try {
    const picture = create('img', { alt: name, src: source });
    await picture.decode();
    return picture;
  } finally {
    URL.revokeObjectURL(source);
  }
}

/** Absolute and http(s), else undefined. */
export function webAddress(address: string): URL | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  return url && /^https?:$/.test(url.protocol) ? url : undefined;
}
