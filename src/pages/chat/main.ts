/** Starts the chat page: `?model=URL` names another model than the one that comes with the page. */
import { Chat } from './chat.ts';
import { byId, createButton } from './dom.ts';
import { ExpertPanel } from './experts/panel.ts';
import { setUpSettings } from './settings.ts';
import { setUpTheme } from './theme.ts';

const defaultModel = '/models/llama-scoutling';

const suggestions = [
  'Tell me a story about a dragon',
  'Tell me a bedtime story about a brave little fox',
  'Write a campfire story about a lost lantern',
  'Tell me a joke',
];

const experts = new ExpertPanel();
setUpTheme(() => experts.redraw());
const chat = new Chat({
  model: new URLSearchParams(location.search).get('model') || defaultModel,
  experts,
  settings: setUpSettings(),
});

byId('suggestions').append(
  ...suggestions.map((text) => {
    const item = document.createElement('li');
    item.append(createButton(text, () => chat.suggest(text)));
    return item;
  }),
);
byId('new-chat').addEventListener('click', () => void chat.reset());
byId('problem-retry').addEventListener('click', () => void chat.load());
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !event.isComposing && !document.querySelector('[popover]:popover-open')) chat.stop();
});
void chat.load();
