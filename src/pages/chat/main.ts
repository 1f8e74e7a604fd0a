/** Starts the chat page: `?model=URL` names another model than the one that comes with the page. */

import { byId, createButton } from '../shared/dom.ts';
import { unusablePlatform } from '../shared/problems.ts';
import { setUpTheme } from '../shared/theme.ts';
import { Chat } from './chat.ts';
import { ExpertPanel } from './experts/panel.ts';
import { library } from './models/api.ts';
import { ModelHolder } from './models/holder.ts';
import { ModelManager } from './models/manager.ts';
import { setUpSettings } from './settings.ts';

const defaultModel = '/models/llama-scoutling';

const suggestions = [
  'Tell me a story about a dragon',
  'Tell me a bedtime story about a brave little fox',
  'Write a campfire story about a lost lantern',
  'Tell me a joke',
];

const experts = new ExpertPanel();
setUpTheme(() => experts.redraw());
const holder = new ModelHolder(async (source, request) => {
  const unusable = unusablePlatform();
  if (unusable) throw unusable;
  return library.createEngine(source, request);
});
const chat = new Chat({ holder, experts, settings: setUpSettings() });
const home = { base: location.href, embedded: new URL(defaultModel, location.href).href };
const manager = new ModelManager({ library, holder, home });

byId('suggestions').append(
  ...suggestions.map((text) => {
    const item = document.createElement('li');
    item.append(createButton(text, () => chat.suggest(text)));
    return item;
  }),
);
byId('new-chat').addEventListener('click', () => void chat.reset());
for (const id of ['problem-retry', 'load-resume']) byId(id).addEventListener('click', () => void holder.resume());
byId('load-pause').addEventListener('click', () => holder.pause());
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.isComposing) return;
  if (!document.querySelector('[popover]:popover-open, dialog[open]')) chat.stop();
});
// Not awaited at the top level: bundlers would then put what other chunks share into many small ones.
void manager.start(new URLSearchParams(location.search).get('model')).then(() => {
  if (holder.state.kind === 'empty') chat.awaitModel();
});
