/** The element's class, unregistered, and the types of what it takes and tells. */
export type { ChatState, ElementMessage, Outcome, ToolRunner } from './conversation.ts';
export type { OutriderChatEventMap, OutriderChatEvents } from './events.ts';
export type { Highlighter } from './markdown/view.ts';
export { type ElementTool, OutriderChat } from './outrider-chat.ts';
export type { Sampling } from './request-fields.ts';
export type { OpenAILike } from './stream.ts';
export type { ChatStrings } from './strings.ts';
