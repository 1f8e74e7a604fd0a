/**
 * A JSON schema as a grammar: every text of it is one line of JSON that is valid by the schema.
 *
 * It writes no text for some valid values: properties come in the schema's order, others only where the schema asks for
 * them (objects.ts), numbers have at most 15 digits (decimals.ts), strings no control characters but \b \f \n \r \t. Each
 * character has one way to be written, and one space may follow a comma or a colon.
 */

import { arrayOptions } from './arrays.ts';
import type { Automaton } from './automaton.ts';
import { branchesOf } from './branches.ts';
import { numbersIn } from './decimals.ts';
import { lengths, limited, listedValues, nameTexts, numberRange, stringTexts, type Type, typesOf } from './facts.ts';
import { objectOptions } from './objects.ts';
import type { Rules, Sequence } from './rules.ts';
import { type Branch, isFields, type Located, refuse, SchemaDocument } from './schema-document.ts';
import { stringLike, stringOfLength, textLike } from './values.ts';

export interface SchemaPlace {
  /** Stands before paths in errors; default '': there is but one schema. */
  readonly name?: string;
  /** Only values that are objects. */
  readonly objectsOnly?: boolean;
}

/**
 * @param schema a JSON schema of any draft from 6 on, as far as its keywords mean the same in 2020-12
 * @returns the rule of its values in `rules`
 * @throws OutriderError `invalid_request` naming keyword and place of what is not enforced
 */
export function schemaRule(rules: Rules, schema: unknown, { name = '', objectsOnly }: SchemaPlace = {}): string {
  const document = new SchemaDocument(schema, name);
  const objects: Located = { schema: { type: 'object' }, path: `${name}(objects)` };
  return new SchemaCompiler(rules, document).value([...(objectsOnly ? [objects] : []), document.root]);
}

class SchemaCompiler {
  readonly rules: Rules;
  readonly #document: SchemaDocument;

  constructor(rules: Rules, document: SchemaDocument) {
    this.rules = rules;
    this.#document = document;
  }

  value(schemas: readonly Located[]): string {
    const places = new Set(schemas.filter(({ schema }) => schema !== true).map(({ path }) => path));
    return this.rules.rule(`value ${[...places].sort().join(' ')}`, () =>
      branchesOf(schemas, this.#document).flatMap((branch) => this.#options(branch)),
    );
  }

  names(schemas: readonly Located[]): Automaton | undefined {
    const branches = branchesOf(schemas, this.#document).filter((branch) => typesOf(branch).includes('string'));
    if (branches.length === 1) return nameTexts(branches[0]!);
    const { path } = schemas[0]!;
    throw refuse(path, 'propertyNames', `is a choice of ${branches.length} schemas`, 'Say it by one "pattern".');
  }

  #options(branch: Branch): Sequence[] {
    const listed = listedValues(branch);
    if (listed) return listed.map((value) => [{ text: JSON.stringify(value) }]);
    return typesOf(branch).flatMap((type) => this.#optionsOf(type, branch));
  }

  #optionsOf(type: Type, branch: Branch): Sequence[] {
    const { rules } = this;
    if (type === 'null') return [[{ text: 'null' }]];
    if (type === 'boolean') return [[{ text: 'true' }], [{ text: 'false' }]];
    if (type === 'object') return objectOptions(this, branch);
    if (type === 'array') return arrayOptions(rules, branch, (schemas) => this.value(schemas));
    if (type === 'number') return [[{ rule: this.#number(branch) }]];
    const texts = stringTexts(branch);
    if (texts) return [[{ rule: stringLike(rules, texts) }]];
    const [min, max] = lengths(branch);
    return min > max ? [] : [[{ rule: stringOfLength(rules, min, max) }]];
  }

  #number(branch: Branch): string {
    const range = numberRange(branch);
    return this.rules.rule(`number ${JSON.stringify(range)}`, () => {
      const path = branch.find(({ schema }) => isFields(schema) && schema.multipleOf !== undefined)?.path ?? '#';
      return [
        [
          {
            rule: textLike(
              this.rules,
              limited(path, 'multipleOf', () => numbersIn(range)),
            ),
          },
        ],
      ];
    });
  }
}
