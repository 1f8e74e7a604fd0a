/** One subject in one tab: the bench opens a tab for each and asks them in turns. */
import type { PeersPage } from '../types.ts';
import { loadOutrider } from './outrider.ts';
import type { Loaded } from './subject.ts';
import { loadWllama } from './wllama.ts';

declare global {
  interface Window extends PeersPage {}
}

let loaded: Loaded;

window.loadSubject = async (request) => {
  const load = request.subject === 'outrider' ? loadOutrider : loadWllama;
  loaded = await load(request);
  return loaded.facts;
};
window.complete = (prompt, tokens) => loaded.complete(prompt, tokens);
