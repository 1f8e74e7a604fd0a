/** Takes `$ref`, `allOf`, `anyOf` and `oneOf` apart: a schema is a choice of branches, a branch some plain schemas that all hold. */
import { areDisjoint } from './disjoint.ts';
import { type Branch, isFields, type Located, type LocatedFields, refuse, SchemaDocument } from './schema-document.ts';

/** Branches multiply where choices stand side by side. */
const MAX_BRANCHES = 256;

interface Pending extends Located {
  /** The places that led here without a step into a value. */
  readonly from: readonly string[];
}

/**
 * The branches of schemas that all hold. None where no value is valid.
 * @throws OutriderError `invalid_request`
 */
export function branchesOf(schemas: readonly Located[], document: SchemaDocument): Branch[] {
  return expand(
    schemas.map((schema) => ({ ...schema, from: [] })),
    [],
    document,
  );
}

function expand(pending: readonly Pending[], branch: Branch, document: SchemaDocument): Branch[] {
  const [first, ...others] = pending;
  if (!first) return [branch];
  const { schema, path, from } = first;
  if (schema === false) return [];
  if (from.includes(path)) {
    throw refuse(path, '$ref', 'leads back to itself with nothing between', 'Put a property or an item between.');
  }
  if (!isFields(schema) || branch.some((known) => known.path === path)) return expand(others, branch, document);

  const here: LocatedFields = { schema, path };
  document.check(here);
  const inner = (located: Located): Pending => ({ ...located, from: [...from, path] });
  const listed = (keyword: string) =>
    ((schema[keyword] ?? []) as unknown[]).map((_, index) => inner(SchemaDocument.at(here, keyword, index)));
  const joined = [...(schema.$ref === undefined ? [] : [inner(document.follow(here))]), ...listed('allOf')];
  if (schema.oneOf) checkOneOf(here, listed('oneOf'), document);
  let combinations: Pending[][] = [joined];
  for (const choice of [listed('anyOf'), listed('oneOf')]) {
    if (choice.length > 0) combinations = combinations.flatMap((own) => choice.map((option) => [...own, option]));
  }
  const branches = combinations.flatMap((own) => expand([...own, ...others], [...branch, here], document));
  if (branches.length <= MAX_BRANCHES) return branches;
  const problem = `gives ${branches.length} combinations; at most ${MAX_BRANCHES} are told apart`;
  throw refuse(path, schema.oneOf ? 'oneOf' : 'anyOf', problem, 'Use fewer choices side by side.');
}

/** A grammar cannot forbid that two options match at once: they must not be able to. */
function checkOneOf({ path }: LocatedFields, options: readonly Located[], document: SchemaDocument): void {
  for (const [index, option] of options.entries()) {
    const other = options.slice(0, index).findIndex((earlier) => !areDisjoint(earlier, option, document, branchesOf));
    if (other < 0) continue;
    const problem = `has options ${other} and ${index}, which one value may match both`;
    throw refuse(path, 'oneOf', problem, 'Use "anyOf", or tell the options apart by a required "const".');
  }
}
