/** OpenAI's wire messages as messages for a chat template. */
import { OutriderError } from '../errors.ts';
import type { TemplateMessage } from './template.ts';

type Fields = Readonly<Record<string, unknown>>;

const ROLES = ['developer', 'system', 'user', 'assistant', 'tool'];

/** Of OpenAI's messages, and what says the same here. */
const REFUSED: Readonly<Record<string, string>> = {
  audio: 'absent: the model writes text',
  function_call: 'absent: use tool_calls',
};

/**
 * `developer` becomes `system`; parts of text become one string; a call's `arguments` become an object where they are
 * the JSON of one, as Transformers expects; an assistant's null content is allowed beside tool calls; an empty
 * `tool_calls` is dropped, because templates take its presence for a call. Results of calls stay strings, which Llama 4's
 * template quotes as JSON, and come in the order of their calls: the template prints no ids. Further fields are the
 * template's.
 * @param messages the request's `messages`, unchecked
 * @throws OutriderError `invalid_request` that names the field
 */
export function fromOpenAI(messages: unknown): TemplateMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalid('messages', messages, 'a list with at least one message');
  }
  return inCallOrder(messages.map((message: unknown, index) => convertMessage(message, `messages[${index}]`)));
}

/** Sorts each run of tool messages by the calls that they answer; those that name none of them stay behind. */
function inCallOrder(messages: readonly TemplateMessage[]): TemplateMessage[] {
  const ordered: TemplateMessage[] = [];
  let order: readonly unknown[] = [];
  let results: TemplateMessage[] = [];
  const place = ({ tool_call_id: id }: TemplateMessage) => {
    const index = id === undefined ? -1 : order.indexOf(id);
    return index < 0 ? order.length : index;
  };
  for (const message of messages) {
    if (message.role === 'tool') {
      results.push(message);
      continue;
    }
    ordered.push(...results.sort((a, b) => place(a) - place(b)), message);
    results = [];
    order = ((message.tool_calls as readonly Fields[] | undefined) ?? []).map(({ id }) => id);
  }
  return [...ordered, ...results.sort((a, b) => place(a) - place(b))];
}

function convertMessage(message: unknown, path: string): TemplateMessage {
  if (!isFields(message)) throw invalid(path, message, 'an object with role and content');
  const { role, content, tool_calls: toolCalls, ...rest } = message;
  if (typeof role !== 'string' || !ROLES.includes(role)) {
    throw invalid(`${path}.role`, role, `one of ${ROLES.join(', ')}`);
  }
  for (const [field, needed] of Object.entries(REFUSED)) {
    if ((message[field] ?? null) !== null) throw invalid(`${path}.${field}`, message[field], needed);
  }
  const calls = convertToolCalls(toolCalls ?? [], `${path}.tool_calls`);
  if (calls.length > 0 && role !== 'assistant')
    throw invalid(`${path}.tool_calls`, toolCalls, 'absent but for assistants');
  return {
    ...rest,
    role: role === 'developer' ? 'system' : role,
    content: calls.length > 0 && (content ?? null) === null ? '' : convertContent(content, `${path}.content`),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

/** Parts are joined: some templates read only the first, or print the list itself. */
function convertContent(content: unknown, path: string): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw invalid(path, content, 'a string or a list of text parts');
  return content.map((part: unknown, index) => convertPart(part, `${path}[${index}]`)).join('');
}

function convertPart(part: unknown, path: string): string {
  const { type, text, refusal } = isFields(part) ? part : {};
  if (type === 'text' && typeof text === 'string') return text;
  if (type === 'refusal' && typeof refusal === 'string') return refusal;
  if (type === 'image_url') throw invalid(path, type, 'text: this version reads no images');
  throw invalid(path, type ?? part, 'a part of type "text"');
}

function convertToolCalls(calls: unknown, path: string): Fields[] {
  if (!Array.isArray(calls)) throw invalid(path, calls, 'a list');
  return calls.map((call: unknown, index) => {
    const { type, function: called, ...rest } = isFields(call) ? call : {};
    const where = `${path}[${index}]`;
    if ((type ?? 'function') !== 'function') throw invalid(`${where}.type`, type, '"function"');
    if (!isFields(called) || typeof called.name !== 'string') {
      throw invalid(`${where}.function`, called, 'an object with a name and arguments');
    }
    return { ...rest, type: 'function', function: { ...called, arguments: convertArguments(called, where) } };
  });
}

/** A string that is not the JSON of an object stays a string: models write such calls, and clients send them back. */
function convertArguments({ arguments: text }: Fields, path: string): unknown {
  if (isFields(text)) return text;
  if (typeof text !== 'string') throw invalid(`${path}.function.arguments`, text, 'a JSON string');
  try {
    const parsed: unknown = JSON.parse(text);
    return isFields(parsed) ? parsed : text;
  } catch {
    return text;
  }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function invalid(param: string, found: unknown, needed: string): OutriderError {
  const shown = found === undefined ? 'missing' : JSON.stringify(found).slice(0, 80);
  return new OutriderError('invalid_request', `${param} is ${shown}; it must be ${needed}.`, { details: { param } });
}
