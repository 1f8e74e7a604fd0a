/**
 * Where conversations are kept. A head and each message are records of their own, and a head is changed field by field
 * inside one transaction: two tabs that write at the same time add to each other's work instead of replacing it.
 */
import type { Message } from './tree.ts';
import { untitled } from './tree.ts';

/** What the list of conversations shows of one. */
export interface Head {
  readonly id: string;
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Of its newest message. */
  readonly updatedAt: number;
  /** As in a `Tree`. */
  readonly chosen: ReadonlyMap<string, string>;
}

/** A conversation in full. */
export interface Conversation {
  readonly head: Head;
  readonly messages: readonly Message[];
}

/** What is new; what it does not name stays as it is stored. */
export interface Change {
  readonly title?: string | undefined;
  /** A title for a conversation that has none yet. */
  readonly firstTitle?: string | undefined;
  /** Branches that were chosen, by parent. */
  readonly chosen?: ReadonlyMap<string, string> | undefined;
  /** Added, or put in the place of their earlier versions. */
  readonly messages?: readonly Message[] | undefined;
}

export interface ConversationStore {
  /** All heads, that of the newest message first. */
  list(): Promise<readonly Head[]>;
  /** @returns undefined where there is no such conversation */
  read(id: string): Promise<Conversation | undefined>;
  /** Changes a conversation; one that is not there is made. */
  write(id: string, change: Change): Promise<void>;
  /** Adds whole conversations, all or none. Their ids and their messages' must be new, or those of what was removed. */
  add(conversations: readonly Conversation[]): Promise<void>;
  /** @returns what was removed; undefined where there was nothing */
  remove(id: string): Promise<Conversation | undefined>;
}

/** The head after a change at the time `now`. Pure. */
export function changeHead(stored: Head | undefined, id: string, change: Change, now: number): Head {
  const head = stored ?? { id, title: '', createdAt: now, updatedAt: now, chosen: new Map() };
  return {
    ...head,
    title: change.title ?? (head.title || change.firstTitle || untitled),
    updatedAt: change.messages?.length ? now : head.updatedAt,
    chosen: change.chosen ? new Map([...head.chosen, ...change.chosen]) : head.chosen,
  };
}

/** Newest first. Pure. */
export const byTime = (heads: readonly Head[]): readonly Head[] =>
  heads.toSorted((a, b) => b.updatedAt - a.updatedAt || (a.id < b.id ? -1 : 1));
