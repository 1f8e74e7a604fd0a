/** The conversation as data: what was said, in order, and how each answer ended. Pure. */

/** How an answer ended. `length`: the token limit or the end of the context. */
export type Outcome = 'complete' | 'length' | 'stopped' | 'failed';

/** What the engine measured for one answer. */
export interface AnswerStats {
  readonly promptTokens: number;
  /** Of the prompt's tokens, those whose keys and values were still on the GPU. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly tokensPerSecond: number;
  readonly secondsToFirstToken: number;
}

export interface UserTurn {
  readonly role: 'user';
  readonly text: string;
}

export interface AnswerTurn {
  readonly role: 'assistant';
  readonly text: string;
  readonly outcome: Outcome;
  readonly stats?: AnswerStats;
}

export type Turn = UserTurn | AnswerTurn;

/** The turns before the answer to be regenerated: up to and including the last question. */
export function upToLastQuestion(turns: readonly Turn[]): readonly Turn[] {
  return turns.slice(0, turns.findLastIndex((turn) => turn.role === 'user') + 1);
}

/** The turns as request messages. An answer that was stopped before its first word says nothing and is left out. */
export function toMessages(turns: readonly Turn[], systemPrompt: string | undefined) {
  const said = turns.filter((turn) => turn.text !== '').map(({ role, text }) => ({ role, content: text }));
  return systemPrompt ? [{ role: 'system' as const, content: systemPrompt }, ...said] : said;
}

/** Turns from JSON that an earlier page load stored; anything that is not a turn is dropped. */
export function restoreTurns(stored: unknown): Turn[] {
  if (!Array.isArray(stored)) return [];
  return stored.filter(
    (turn): turn is Turn =>
      typeof turn?.text === 'string' && (turn.role === 'user' || (turn.role === 'assistant' && 'outcome' in turn)),
  );
}
