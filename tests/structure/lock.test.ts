import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface LockedPackage {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

it('the lock file has every platform of every package, so that npm ci works on all of them', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  const needed = Object.entries(packages).flatMap(([path, { optionalDependencies }]) =>
    Object.keys(optionalDependencies ?? {}).map((name) => [`node_modules/${name}`, `${path}/node_modules/${name}`]),
  );
  const missing = needed.filter((places) => !places.some((place) => packages[place]?.version));
  expect(missing.map(([place]) => place)).toEqual([]);
});
