/** Starts the chat page: `?model=URL` names another model than the one that comes with the page. */

import { unusablePlatform } from '../../element/platform.ts';
import { byId, create, createButton } from '../shared/dom.ts';
import { loadStyles } from '../shared/styles.ts';
import { followTheme } from '../shared/theme.ts';
import { Chat } from './chat.ts';
import { Desk } from './conversations/desk.ts';
import { History } from './conversations/history.ts';
import { openIdbStore } from './conversations/idb-store.ts';
import { wordsOf } from './conversations/tree.ts';
import { Sidebar } from './conversations/view/sidebar.ts';
import dialogStyles from './dialog.css?url';
import { setUpDrop } from './drop.ts';
import { ExpertPanel } from './experts/panel.ts';
import { createEngine } from './models/api.ts';
import { ModelHolder } from './models/holder.ts';
import { ModelManager } from './models/manager.ts';
import { keepForOffline } from './offline/register.ts';
import { fallbackOptions, markCovered } from './settings/remote.ts';
import { readSettings } from './settings/settings.ts';
import { isCovered, type Shortcut, setUpShortcuts } from './shortcuts.ts';
import { showToast } from './toast.ts';

const defaultModel = '/models/llama-scoutling';

const suggestions = [
  'Tell me a story about a dragon',
  'Tell me a bedtime story about a brave little fox',
  'Write a campfire story about a lost lantern',
  'Tell me a joke',
];

const experts = new ExpertPanel();
followTheme(() => experts.redraw());
const holder = new ModelHolder(async (source, request) => {
  const fallback = fallbackOptions();
  if (fallback) return markCovered(await createEngine(source, { ...request, fallback }));
  const unusable = unusablePlatform();
  if (unusable) throw unusable;
  return createEngine(source, request);
});
const store = openIdbStore().catch(async (error) => {
  void showToast({ text: `This window keeps no conversations: they go when it is closed. (${error})`, stays: true });
  return (await import('./conversations/memory-store.ts')).createMemoryStore();
});
const history = new History(store, new BroadcastChannel('outrider.conversations'), {
  onList: (heads) => {
    sidebar.show(heads);
    onOpen();
  },
  onSwitch: () => {
    chat.reset();
    onOpen();
  },
  onNews: () => chat.show(),
  onFailure: (error) => desk.fail(error),
});
/** Whichever conversation is open now: its first message may have made it. */
function onOpen(): void {
  sidebar.mark(history.id);
  desk.remember();
}
const chat = new Chat({ holder, history, experts });
const desk = new Desk(history, chat);
const sidebar = new Sidebar({
  open: (id) => void desk.open(id),
  rename: (id, title) => history.rename(id, title),
  remove: (head) => void desk.remove(head),
  exportAs: (id, format) => void desk.exportAs(id, format),
  exportAll: () => void desk.exportAll(),
  importFile: (file) => void desk.importFile(file),
  showShortcuts: () => void openHelp(),
});
const home = { base: location.href, embedded: new URL(defaultModel, location.href).href };
const manager = new ModelManager(holder, home);

async function openSettings(): Promise<void> {
  const [{ openSettings }] = await Promise.all([import('./settings/dialog.ts'), loadStyles(dialogStyles)]);
  openSettings(holder.state.kind === 'ready' ? holder.state.engine.model.defaults : undefined, () => chat.recount());
}

async function openHelp(): Promise<void> {
  const [{ openHelp }] = await Promise.all([import('./help.ts'), loadStyles(dialogStyles)]);
  openHelp(shortcuts);
}

async function copyDiagnostics(button: HTMLElement): Promise<void> {
  const { copyDiagnostics } = await import('./diagnostics.ts');
  const said = [...history.tree.messages.values()].flatMap(wordsOf);
  const secrets = [...said, readSettings().systemPrompt ?? '', byId<HTMLTextAreaElement>('prompt').value];
  await copyDiagnostics(button, { holder: holder.state, failure: chat.lastFailure, secrets });
}

let about: typeof import('./about.ts') | undefined;

/** Fills the popover before it opens: the first time it opens when that is possible. */
function showAbout(event: Event): void {
  if (holder.state.kind !== 'ready') return;
  if (about) {
    about.showFacts(holder.state.order.entry, holder.state.engine.model);
    return;
  }
  event.preventDefault();
  void import('./about.ts').then((loaded) => {
    about = loaded;
    // Open already where the button was pressed twice meanwhile.
    if (!byId('about').matches(':popover-open')) byId('about').showPopover({ source: byId('model') });
  });
}

const shortcuts: readonly Shortcut[] = [
  { key: 'n', label: 'New chat', run: () => void desk.startNew() },
  { key: 'w', label: 'Write a message', run: () => chat.focus() },
  { key: 'r', label: 'Regenerate the last answer', run: () => chat.regenerate() },
  { key: 'f', label: 'Find a conversation', run: () => sidebar.search() },
  { key: 'c', label: 'Show or hide the conversations', run: () => sidebar.toggle() },
  { key: 'e', label: 'Show or hide the experts', run: () => experts.toggle() },
  { key: 'm', label: 'Models', run: () => manager.open() },
  { key: 's', label: 'Settings', run: () => void openSettings() },
];
setUpShortcuts(shortcuts, () => void openHelp());
setUpDrop({
  onModel: (files) => manager.addFiles(files),
  onConversations: (file) => void desk.importFile(file),
  onFailure: (error) => void manager.refuseFiles(error),
});

byId('suggestions').append(
  ...suggestions.map((text) =>
    create(
      'li',
      {},
      createButton(text, () => chat.suggest(text)),
    ),
  ),
);
byId('new-chat').addEventListener('click', () => void desk.startNew());
byId('settings-open').addEventListener('click', () => void openSettings());
for (const id of ['problem-retry', 'load-resume']) byId(id).addEventListener('click', () => void holder.resume());
for (const id of ['problem-report', 'about-report'])
  byId(id).addEventListener('click', () => void copyDiagnostics(byId(id)));
byId('about').addEventListener('beforetoggle', (event) => {
  if (event.newState === 'open') showAbout(event);
});
byId('load-pause').addEventListener('click', () => holder.pause());
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !event.isComposing && !isCovered()) void chat.stop();
});
void desk.restore().catch((error) => desk.fail(error));
keepForOffline((reload) => {
  void showToast({ text: 'A new version is ready.', action: { label: 'Reload', run: reload }, stays: true });
});
// Not awaited at the top level: bundlers would then put what other chunks share into many small ones.
void manager.start(new URLSearchParams(location.search).get('model')).finally(() => {
  if (holder.state.kind === 'empty') chat.awaitModel();
});
