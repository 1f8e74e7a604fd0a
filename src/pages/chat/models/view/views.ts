/** The dialog's two views, loaded when it is opened. */
export { ListView } from './list.ts';
export { SetupView } from './setup.ts';
