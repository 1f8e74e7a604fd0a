/** What the list of messages and the views in it know of each other. */
import type { CallMade } from '../conversations/answer.ts';
import type { Fork, Message } from '../conversations/tree.ts';
import type { Direction } from './fork.ts';

/** A message and where it stands. */
export interface Shown<M extends Message = Message> {
  readonly message: M;
  /** Where there are other branches. */
  readonly fork: Fork | undefined;
  /** The answer is being written: its text comes through `AnswerView.append`. */
  readonly writing: boolean;
  /** Nothing follows it on this branch: its calls have no results yet. */
  readonly isLast: boolean;
  /** The expert panel shows this answer. */
  readonly inPanel: boolean;
  /** Of results: the calls that they belong to; else empty. */
  readonly calls: readonly CallMade[];
}

/** What a person can ask of a message, by its id. */
export interface MessageActions {
  /** Ask again from this question, with another text. */
  onEdit(id: string, text: string): void;
  /** Give another answer in the place of this one. */
  onRegenerate(id: string): void;
  /** Go on from this answer with what its calls returned, in their order. */
  onResults(id: string, results: readonly string[]): void;
  /** Show the experts of this answer in the panel. */
  onExperts(id: string): void;
  /** Show the branch of this message. */
  onChoose(id: string, direction: Direction): void;
}

export interface MessageView<M extends Message = Message> {
  readonly element: HTMLElement;
  /** Shows this version of the same message. */
  update(shown: Shown<M>): void;
}
