/** Importing this file makes `<outrider-chat>` known to the page. Twice is as good as once. */
import { OutriderChat } from './outrider-chat.ts';

if (!customElements.get('outrider-chat')) customElements.define('outrider-chat', OutriderChat);

export { OutriderChat };
