/** The page needs only the element; the buttons that copy its snippets are its own. */
import '../../element/register.ts';
import { create, createCopyButton } from '../../element/dom.ts';

const words = { copy: 'Copy', copied: 'Copied', copyDenied: 'Not allowed' };

for (const code of document.querySelectorAll<HTMLElement>('.code')) {
  const frame = create('div', { className: 'snippet' });
  code.replaceWith(frame);
  frame.append(
    code,
    createCopyButton(() => code.textContent ?? '', words),
  );
}
