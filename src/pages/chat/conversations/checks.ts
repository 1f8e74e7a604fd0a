/** Checks of what a file holds. Each throws OutriderError `invalid_request` that names the place. Pure. */
import { OutriderError } from '../../../errors.ts';

/** Neither null nor a list. */
export function objectAt(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(path, 'an object', value);
  return value as Record<string, unknown>;
}

/** A list of anything. */
export function arrayAt(value: unknown, path: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(path, 'a list', value);
}

/** A string, '' included. */
export function textAt(value: unknown, path: string): string {
  return typeof value === 'string' ? value : refuse(path, 'a text', value);
}

/** 0 or more. */
export function numberAt(value: unknown, path: string): number {
  return typeof value === 'number' && value >= 0 ? value : refuse(path, 'a number of 0 or more', value);
}

const lastTime = 8.64e15; // of a Date

/** Milliseconds since 1970, as far as a Date can tell. */
export function timeAt(value: unknown, path: string): number {
  return typeof value === 'number' && value >= 0 && value <= lastTime
    ? value
    : refuse(path, 'milliseconds since 1970', value);
}

/** @param needed what there must be, in words */
export function refuse(path: string, needed: string, found: unknown): never {
  const shown = (JSON.stringify(found) ?? 'nothing').slice(0, 80);
  throw new OutriderError(
    'invalid_request',
    `In the file, ${path} is ${shown} but must be ${needed}. Nothing was imported; choose a file that this page exported.`,
    { details: { path, needed, found: shown } },
  );
}
