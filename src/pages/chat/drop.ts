/** Files that are dropped anywhere on the page: a model's folder, or exported conversations. */
import type { FileAt } from '../../storage/file-at.ts';
import { byId } from '../shared/dom.ts';

export interface DropActions {
  onModel(files: readonly FileAt[]): void;
  onConversations(file: File): void;
  /** What was dropped cannot be read. */
  onFailure(error: unknown): void;
}

export function setUpDrop({ onModel, onConversations, onFailure }: DropActions): void {
  const hint = byId('drop');
  const hasFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes('Files') === true;
  document.addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault(); // else the browser would leave the page for the file
    if (!hint.matches(':popover-open')) hint.showPopover(); // above a dialog that is open
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) hint.hidePopover(); // out of the window
  });
  document.addEventListener('drop', (event) => {
    hint.hidePopover();
    if (!hasFiles(event)) return;
    event.preventDefault();
    read(droppedBy(event.dataTransfer!)).then((files) => {
      const [only] = files;
      if (files.length === 1 && only!.file.name.endsWith('.json')) onConversations(only!.file);
      else onModel(files);
    }, onFailure);
  });
}

/** Before any `await`: the browser empties the list once the event is handled. */
function droppedBy({ items }: DataTransfer): (FileSystemEntry | File)[] {
  const files = [...items].filter(({ kind }) => kind === 'file');
  return files.map((item) => item.webkitGetAsEntry() ?? item.getAsFile()).filter((one) => one !== null);
}

const read = async (dropped: readonly (FileSystemEntry | File)[]) =>
  (await import('../../storage/drop.ts')).filesOfDrop(dropped);
