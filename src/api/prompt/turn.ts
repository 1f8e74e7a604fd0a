/** One answer, with the rounds of tool calls on its way. */
import type { Fields } from '../fields.ts';
import type { ChatCompletions, ChatMessage, FunctionTool, StreamingRequest, ToolCallInput } from '../types.ts';
import type { LanguageModelTool } from './types.ts';

/** Calls after calls: a model that never stops calling has to be stopped. */
const MAX_ROUNDS = 16;

export interface TurnRequest {
  readonly completions: ChatCompletions;
  /** Everything before the answer. */
  readonly messages: readonly ChatMessage[];
  /** The last message is the beginning of the answer. */
  readonly prefix: boolean;
  readonly tools: readonly LanguageModelTool[];
  /** Further fields of the request. */
  readonly fields: Fields;
  readonly signal: AbortSignal;
}

export interface TurnResult {
  /** What came after the request's messages; where these end in a prefix, its continuation takes its place. */
  readonly answer: readonly ChatMessage[];
  /** Of the last round, without a prefix. */
  readonly text: string;
  /** Tokens of the whole conversation. */
  readonly tokens: number;
  /** The answer was cut off by the end of the context. */
  readonly isCut: boolean;
}

interface Round {
  text: string;
  readonly calls: { id: string; name: string; arguments: string }[];
  tokens: number;
  isCut: boolean;
}

/**
 * Yields the text as it comes; calls are made between the rounds, all of a round at once.
 * @throws what the engine throws, and what a tool throws
 */
export async function* answerTurn(request: TurnRequest): AsyncGenerator<string, TurnResult, undefined> {
  const { messages, tools, signal } = request;
  const answer: ChatMessage[] = [];
  let prefix = request.prefix;
  for (let count = 0; ; count++) {
    const round: Round = { text: '', calls: [], tokens: 0, isCut: false };
    yield* streamRound({ ...request, messages: [...messages, ...answer], prefix }, round, count < MAX_ROUNDS);
    const { text, calls, tokens, isCut } = round;
    const begun = prefix ? String(messages.at(-1)!.content) : '';
    answer.push({
      role: 'assistant',
      content: begun + text,
      ...(calls.length > 0 && { tool_calls: calls.map(toWire) }),
    });
    if (calls.length === 0) return { answer, text, tokens, isCut };
    prefix = false;
    const results = await Promise.all(calls.map((call) => execute(call, tools)));
    signal.throwIfAborted();
    answer.push(
      ...calls.map(({ id }, index) => ({ role: 'tool', tool_call_id: id, content: results[index]! }) as const),
    );
  }
}

async function* streamRound(
  request: TurnRequest,
  round: Round,
  mayCall: boolean,
): AsyncGenerator<string, void, undefined> {
  const { completions, messages, prefix, tools, fields, signal } = request;
  const described = describeTools(tools);
  const body: StreamingRequest = {
    ...fields,
    messages,
    ...(prefix && { continue_final_message: true }),
    ...(described.length > 0 && { tools: described, tool_choice: mayCall ? 'auto' : 'none' }),
    stream: true,
    stream_options: { include_usage: true },
  };
  for await (const { choices, usage } of await completions.create(body, { signal })) {
    if (usage) round.tokens = usage.total_tokens;
    for (const { delta, finish_reason: reason } of choices) {
      round.isCut ||= reason === 'length';
      for (const { index, id, function: called } of delta.tool_calls ?? []) {
        round.calls[index] ??= { id: id ?? '', name: called.name ?? '', arguments: '' };
        round.calls[index].arguments += called.arguments;
      }
      if (!delta.content) continue;
      round.text += delta.content;
      yield delta.content;
    }
  }
}

export function describeTools(tools: readonly LanguageModelTool[]): FunctionTool[] {
  return tools.map(({ name, description, inputSchema }) => ({
    type: 'function',
    function: { name, description, parameters: inputSchema as Fields },
  }));
}

const toWire = ({ id, name, arguments: text }: Round['calls'][number]): ToolCallInput => ({
  id,
  type: 'function',
  function: { name, arguments: text },
});

async function execute(call: Round['calls'][number], tools: readonly LanguageModelTool[]): Promise<string> {
  const tool = tools.find(({ name }) => name === call.name)!; // only tools of the request are recognized as calls
  return String(await tool.execute(JSON.parse(call.arguments) as never));
}
