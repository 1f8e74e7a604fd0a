/** Whether two schemas provably have no value in common, which `oneOf` needs of its options. */
import { isEmpty, meet } from './automaton.ts';
import { numbersIn } from './decimals.ts';
import { canonical, limited, listedValues, nameTexts, numberRange, typesOf } from './facts.ts';
import { type Branch, isFields, type Located, SchemaDocument } from './schema-document.ts';

type BranchesOf = (schemas: readonly Located[], document: SchemaDocument) => Branch[];

/** Required properties that are compared, within one another. */
const MAX_DEPTH = 3;

/** False also where it is not known. @throws OutriderError `invalid_request` for what neither may have */
export function areDisjoint(
  a: Located,
  b: Located,
  document: SchemaDocument,
  branchesOf: BranchesOf,
  depth = 0,
): boolean {
  if (depth > MAX_DEPTH) return false;
  const others = branchesOf([b], document);
  const isApart = (branch: Branch, other: Branch) =>
    areBranchesDisjoint(branch, other, (left, right) => areDisjoint(left, right, document, branchesOf, depth + 1));
  return branchesOf([a], document).every((branch) => others.every((other) => isApart(branch, other)));
}

function areBranchesDisjoint(a: Branch, b: Branch, isApart: (a: Located, b: Located) => boolean): boolean {
  const [values, otherValues] = [listedValues(a), listedValues(b)];
  if (values || otherValues) {
    // What one of them lists, the other must not allow: together they list what both do.
    if (values && otherValues) {
      const keys = new Set(values.map(canonical));
      return otherValues.every((value) => !keys.has(canonical(value)));
    }
    const hasNoParts = [...(values ?? otherValues)!].every((value) => typeof value !== 'object' || value === null);
    if (hasNoParts) return listedValues([...a, ...b])!.length === 0;
  }
  const both = [...a, ...b];
  const path = both[0]?.path ?? '#';
  return typesOf(both).every((type) => {
    if (type === 'number') return !limited(path, 'oneOf', () => hasCommonNumber(both));
    if (type === 'string') return !limited(path, 'oneOf', () => hasCommonString(a, b));
    return type === 'object' && requiredByBoth(a, b).some(([left, right]) => isApart(left, right));
  });
}

/** Between two bounds that differ there are numbers, even where none can be written. */
function hasCommonNumber(both: Branch): boolean {
  const range = numberRange(both);
  const { isInteger, lower, upper } = range;
  if (!lower || !upper) return true;
  if (lower.value >= upper.value) return lower.value === upper.value && !lower.isExclusive && !upper.isExclusive;
  return !isInteger || !isEmpty(numbersIn(range));
}

function hasCommonString(a: Branch, b: Branch): boolean {
  const [texts, others] = [nameTexts(a), nameTexts(b)];
  return !texts || !others || meet(texts, others);
}

/** Schemas of the properties that objects of either branch must have. */
function requiredByBoth(a: Branch, b: Branch): [Located, Located][] {
  const required = (branch: Branch) => new Set(branch.flatMap(({ schema }) => (schema.required ?? []) as string[]));
  const schemasOf = (branch: Branch, name: string) =>
    branch.flatMap((located) => {
      const { properties } = located.schema;
      const isThere = isFields(properties) && Object.hasOwn(properties, name);
      return isThere ? [SchemaDocument.at(located, 'properties', name)] : [];
    });
  const others = required(b);
  return [...required(a)]
    .filter((name) => others.has(name))
    .flatMap((name) =>
      schemasOf(a, name).flatMap((left) => schemasOf(b, name).map((right): [Located, Located] => [left, right])),
    );
}
