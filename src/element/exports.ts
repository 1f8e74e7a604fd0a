/** A conversation as a file. Neither keys nor options are in it: only what was said. Pure. */
import type { ElementMessage } from './conversation.ts';
import type { ChatStrings } from './strings.ts';

export function toJson(messages: readonly ElementMessage[]): string {
  return `${JSON.stringify({ messages }, undefined, 2)}\n`;
}

/** Each message under a heading that says whose it is. */
export function toMarkdown(messages: readonly ElementMessage[], strings: ChatStrings): string {
  const names = new Map<string, string>();
  const parts = messages.map((message) => {
    if (message.role === 'tool') {
      const name = names.get(message.tool_call_id) ?? message.tool_call_id;
      return `## ${strings.toolResult(name)}\n\n${fenced(message.content)}`;
    }
    const calls = message.role === 'assistant' ? (message.tool_calls ?? []) : [];
    for (const call of calls) names.set(call.id, call.function.name);
    const shown = calls.map((call) => `${strings.toolCall(call.function.name)}\n\n${fenced(call.function.arguments)}`);
    const title = { assistant: strings.assistant, user: strings.you }[message.role as string] ?? message.role;
    return [`## ${title}`, message.content ?? '', ...shown].filter((part) => part !== '').join('\n\n');
  });
  return `${parts.join('\n\n')}\n`;
}

/** A fence that is longer than any in the text. */
function fenced(text: string): string {
  const longest = Math.max(0, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length));
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return `${fence}\n${text}\n${fence}`;
}
