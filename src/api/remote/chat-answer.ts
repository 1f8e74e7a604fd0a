/** A conversation that a server answers from its beginning, in our chunks. */
import { OutriderError } from '../../errors.ts';
import { randomHex } from '../answer/generate.ts';
import { type Fields, isFields } from '../fields.ts';
import type { ChatCompletionChunkChoice, ChatCompletionDelta, ChatFinishReason, ChoiceLogprobs } from '../types.ts';
import { choiceOf } from './server.ts';

type CallDelta = NonNullable<ChatCompletionDelta['tool_calls']>[number];

/**
 * One choice's pieces after the one with its role. A refusal is text like any other; reasoning beside the answer is left out.
 * @param index of the choice in our answer
 * @param origin the server's, for its errors
 * @param onChunk sees each chunk
 * @throws OutriderError `access_denied` where the server withholds the answer; what `chunks` throws
 */
export async function* toPieces(
  chunks: AsyncIterable<Fields>,
  index: number,
  origin: string,
  onChunk: (chunk: Fields) => void,
): AsyncGenerator<ChatCompletionChunkChoice, void, undefined> {
  const known = new Set<number>();
  let reason: unknown;
  for await (const chunk of chunks) {
    onChunk(chunk);
    const choice = choiceOf(chunk);
    if (!choice) continue;
    const delta = isFields(choice.delta) ? choice.delta : {};
    reason = choice.finish_reason ?? reason;
    const content = [delta.content, delta.refusal].filter((text) => typeof text === 'string').join('');
    const logprobs = (choice.logprobs ?? null) as ChoiceLogprobs | null;
    if (content !== '' || logprobs) {
      yield { index, delta: content === '' ? {} : { content }, logprobs, finish_reason: null };
    }
    for (const call of callsOf(delta.tool_calls, known)) {
      yield { index, delta: { tool_calls: [call] }, logprobs: null, finish_reason: null };
    }
  }
  if (reason === 'content_filter') {
    throw new OutriderError('access_denied', `${origin} withheld the rest of its answer. Ask differently.`);
  }
  yield { index, delta: {}, logprobs: null, finish_reason: toFinishReason(reason, known.size > 0) };
}

/** Clients take a call's id and name from its first piece: those that a server leaves out are added or left empty. */
function* callsOf(calls: unknown, known: Set<number>): Generator<CallDelta> {
  for (const call of Array.isArray(calls) ? calls : []) {
    if (!isFields(call) || !isFields(call.function)) continue;
    const index = typeof call.index === 'number' ? call.index : known.size;
    const { name, arguments: json } = call.function;
    const args = typeof json === 'string' ? json : '';
    if (known.has(index)) {
      yield { index, function: { arguments: args } };
      continue;
    }
    known.add(index);
    const id = typeof call.id === 'string' && call.id !== '' ? call.id : `call_${randomHex()}`;
    yield { index, id, type: 'function', function: { name: String(name ?? ''), arguments: args } };
  }
}

/** A call by name ends with "stop" at some servers, and other words for an end mean no more than that. */
function toFinishReason(reason: unknown, hasCalls: boolean): ChatFinishReason {
  if (reason === 'length') return 'length';
  return hasCalls ? 'tool_calls' : 'stop';
}
