/** `response_format` and `grammar`: what the whole answer must look like. */
import { booleanField, type Fields, isFields, isGiven, nameField, objectWith, refuse, stringField } from '../fields.ts';
import type { GrammarSpec } from '../grammars.ts';

const TYPES = ['text', 'json_object', 'json_schema', 'grammar'];

/**
 * A schema is enforced whether it is `strict` or not.
 * @returns undefined where any text will do
 * @throws OutriderError `invalid_request`; whether a schema's keywords are known is checked where it is opened
 */
export function parseFormat(request: Fields): GrammarSpec | undefined {
  const format = isGiven(request.response_format) ? ofFormat(request.response_format) : undefined;
  const grammar = stringField(request, 'grammar');
  if (grammar === undefined) return format;
  if (format) throw refuse('grammar', grammar, 'absent beside response_format: an answer has one form');
  return { kind: 'ebnf', grammar };
}

function ofFormat(format: unknown): GrammarSpec | undefined {
  const param = 'response_format';
  const type = isFields(format) ? format.type : undefined;
  switch (type) {
    case 'text':
    case 'json_object':
      objectWith(format, param, ['type']);
      return type === 'text' ? undefined : { kind: 'json' };
    case 'json_schema':
      return ofSchema(objectWith(format, param, ['type', 'json_schema']).json_schema, `${param}.json_schema`);
    case 'grammar': {
      const grammar = stringField(objectWith(format, param, ['type', 'grammar']), 'grammar', `${param}.grammar`);
      if (grammar === undefined) throw refuse(`${param}.grammar`, undefined, 'a grammar in EBNF');
      return { kind: 'ebnf', grammar };
    }
    default:
      if (!isFields(format)) throw refuse(param, format, 'an object with a type');
      throw refuse(`${param}.type`, type, `one of ${TYPES.join(', ')}`, 'unsupported_value');
  }
}

function ofSchema(value: unknown, param: string): GrammarSpec {
  const fields = objectWith(value, param, ['name', 'description', 'schema', 'strict']);
  const { schema } = fields;
  const name = nameField(fields, param);
  booleanField(fields, 'strict', `${param}.strict`);
  if (!isGiven(schema)) return { kind: 'json' };
  if (!isFields(schema)) throw refuse(`${param}.schema`, schema, 'a JSON schema, an object');
  return { kind: 'json_schema', schema, name };
}
