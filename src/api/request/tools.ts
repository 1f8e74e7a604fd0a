/** `tools`, `tool_choice` and `parallel_tool_calls`: what is described to the model, and what it may or must call. */

import { booleanField, type Fields, isFields, isGiven, nameField, objectWith, refuse } from '../fields.ts';
import { NO_TOOLS, type ToolUse } from './parsed.ts';

interface Tool {
  readonly name: string;
  /** JSON schema of an object. */
  readonly parameters: Fields;
  readonly strict: boolean;
  /** As the template prints it: `strict` says nothing to the model. */
  readonly described: Fields;
}

/** 'auto', 'none', or these functions; `must`: the answer is a call of one of them. */
interface Choice {
  readonly names: readonly string[];
  readonly must: boolean;
  /** One by name: one call is wanted, unless the request says otherwise. */
  readonly single: boolean;
}

const MODES = 'none, auto, required, or an object that names a function or allowed tools';
const NO_PARAMETERS = { type: 'object', properties: {}, additionalProperties: false };

/**
 * `tool_choice: 'none'` leaves the tools out of the prompt, which alone makes sure that the model does not try to call
 * them. `required` and a function by name are enforced by a grammar, and so are the schemas of the arguments then.
 * @throws OutriderError `invalid_request`
 */
export function parseTools(request: Fields): ToolUse {
  const tools = parseList(request.tools);
  const parallel = booleanField(request, 'parallel_tool_calls');
  const choice = parseChoice(request.tool_choice, tools);
  if (choice.names.length === 0) return NO_TOOLS;
  const allowed = tools.filter(({ name }) => choice.names.includes(name));
  if (!choice.must) refuseStrict(tools);
  const schemas = allowed.map(({ name, parameters }) => ({ name, parameters }));
  return {
    described: tools.map(({ described }) => described),
    callable: choice.names,
    parallel: parallel ?? !choice.single,
    grammar: choice.must ? { kind: 'tools', tools: schemas, parallel: parallel ?? !choice.single } : undefined,
  };
}

function parseList(value: unknown): Tool[] {
  if (!isGiven(value)) return [];
  if (!Array.isArray(value)) throw refuse('tools', value, 'a list');
  const tools = value.map((tool: unknown, index) => parseTool(tool, `tools[${index}]`));
  for (const [index, { name }] of tools.entries()) {
    const isFirst = tools.findIndex((tool) => tool.name === name) === index;
    if (!isFirst) throw refuse(`tools[${index}].function.name`, name, 'another name: the list has it already');
  }
  return tools;
}

function parseTool(tool: unknown, param: string): Tool {
  if (isFields(tool) && tool.type !== 'function') throw refuse(`${param}.type`, tool.type, '"function"');
  const { function: described } = objectWith(tool, param, ['type', 'function']);
  const path = `${param}.function`;
  const fields = objectWith(described, path, ['name', 'description', 'parameters', 'strict']);
  const { parameters } = fields;
  const name = nameField(fields, path);
  if (isGiven(parameters) && !isFields(parameters)) {
    throw refuse(`${path}.parameters`, parameters, 'the JSON schema of an object');
  }
  const strict = booleanField(fields, 'strict', `${path}.strict`) ?? false;
  const shown = Object.entries(fields).filter(([key, value]) => key !== 'strict' && isGiven(value));
  return {
    name,
    parameters: isFields(parameters) ? parameters : NO_PARAMETERS,
    strict,
    described: { type: 'function', function: Object.fromEntries(shown) },
  };
}

function parseChoice(value: unknown, tools: readonly Tool[]): Choice {
  const all = tools.map(({ name }) => name);
  if (!isGiven(value) || value === 'auto') return { names: all, must: false, single: false };
  if (value === 'none') return { names: [], must: false, single: false };
  if (all.length === 0) throw refuse('tool_choice', value, '"none", "auto" or absent, because there are no tools');
  if (value === 'required') return { names: all, must: true, single: false };
  if (!isFields(value)) throw refuse('tool_choice', value, MODES);
  if (value.type === 'function') return { names: [nameOf(value, 'tool_choice', all)], must: true, single: true };
  if (value.type !== 'allowed_tools') throw refuse('tool_choice.type', value.type, '"function" or "allowed_tools"');
  const { allowed_tools: allowed } = objectWith(value, 'tool_choice', ['type', 'allowed_tools']);
  const path = 'tool_choice.allowed_tools';
  const { mode, tools: list } = objectWith(allowed, path, ['mode', 'tools']);
  if (mode !== 'auto' && mode !== 'required') throw refuse(`${path}.mode`, mode, '"auto" or "required"');
  if (!Array.isArray(list) || list.length === 0) throw refuse(`${path}.tools`, list, 'a list of at least one tool');
  const names = list.map((tool: unknown, index) => nameOf(tool, `${path}.tools[${index}]`, all));
  return { names: [...new Set(names)], must: mode === 'required', single: false };
}

/** Of `{ type: 'function', function: { name } }`; further fields of the function may repeat what the tool says. */
function nameOf(tool: unknown, param: string, all: readonly string[]): string {
  const { type, function: named } = objectWith(tool, param, ['type', 'function']);
  if (type !== 'function') throw refuse(`${param}.type`, type, '"function"');
  const name = isFields(named) ? named.name : undefined;
  if (typeof name === 'string' && all.includes(name)) return name;
  throw refuse(`${param}.function.name`, name, `the name of one of the tools: ${all.join(', ')}`);
}

/** A call that the model is free to make or not is found in its text, which no grammar rules. */
function refuseStrict(tools: readonly Tool[]): void {
  const index = tools.findIndex(({ strict }) => strict);
  if (index < 0) return;
  const allowed = 'false or absent unless tool_choice demands a call: schemas of optional calls are not enforced';
  throw refuse(`tools[${index}].function.strict`, true, allowed, 'unsupported_value');
}
