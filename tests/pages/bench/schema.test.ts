import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RESULTS_VERSION } from '../../../src/bench/results.ts';
import type { OutriderError } from '../../../src/errors.ts';
import { parseResults } from '../../../src/pages/bench/schema.ts';
import { fixture, fixtureText } from './fixture.ts';

function refusal(pasted: string): string {
  try {
    parseResults(pasted);
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid_request' });
    return (error as OutriderError).message;
  }
  throw new Error('it was taken');
}

/** Every leaf of a JSON value, as the keys that lead there. */
function leaves(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, item]) => leaves(item, [...path, key]));
}

describe('a pasted result', () => {
  it('is taken as it was copied', () => {
    expect(parseResults(`\n${fixtureText}\n`)).toEqual(fixture());
  });

  it('may lack what was not measured', () => {
    const { model: _, scout: __, curves: ___, ...kernelsOnly } = fixture();
    expect(parseResults(JSON.stringify(kernelsOnly)).kernels.length).toBeGreaterThan(0);
  });

  it.each([
    ['', /^Nothing was pasted.*Copy as JSON/],
    ['# Outrider benchmark', /Markdown.*Copy as JSON/],
    ['{"version": 1, "date"', /not JSON, or not all of it/],
    ['null', /not a result of this benchmark/],
    ['[1, 2]', /not a result of this benchmark/],
    [`{"version": ${RESULTS_VERSION + 1}}`, /has version 2, and this page compares version 1/],
    [`{"version": ${RESULTS_VERSION}}`, /damaged: result.date is missing/],
  ])('that is %j is refused with what is wrong and what to do', (pasted, message) => {
    expect(refusal(pasted)).toMatch(message);
  });

  it('is refused wherever a value is of another kind, and the refusal names the place', () => {
    const optional = /^(variants|limits)$|^error$/; // names nobody prescribes, and errors that are not numbers
    const places = leaves(fixture()).filter((path) => !path.some((key) => optional.test(key)) && path[0] !== 'version');
    fc.assert(
      fc.property(fc.constantFrom(...places), (path) => {
        const damaged = fixture() as unknown as Record<string, unknown>;
        let at = damaged;
        for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
        at[path.at(-1)!] = { not: 'this' };
        const named = path.map((key) => (/^\d+$/.test(key) ? `[${key}]` : `.${key}`)).join('');
        expect(refusal(JSON.stringify(damaged))).toContain(`result${named} is an object and must be`);
      }),
    );
  });
});
