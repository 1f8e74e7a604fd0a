import { OutriderError } from '../errors.ts';

/** A JSON object's fields, each checked where it is read. Absent fields take the default; `null` is never a number. */
export class ConfigFields {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;

  /** @param path how to name the object in messages, e.g. `rope_scaling.`; empty for the config itself */
  constructor(fields: Readonly<Record<string, unknown>>, path = '') {
    this.#fields = fields;
    this.#path = path;
  }

  /** As it is in the file; undefined where it is absent or null. */
  get(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? (this.#fields[name] ?? undefined) : undefined;
  }

  isNull(name: string): boolean {
    return this.#fields[name] === null;
  }

  /** A whole number of at least `min` (1) and at most `max`. Without a default it is required. */
  integer(name: string, fallback?: number, range: { min?: number; max?: number; multipleOf?: number } = {}): number {
    const { min = 1, max = Number.MAX_SAFE_INTEGER, multipleOf = 1 } = range;
    const value = this.#valueOr(name, fallback);
    if (Number.isSafeInteger(value)) {
      const integer = value as number;
      if (integer >= min && integer <= max && integer % multipleOf === 0) return integer;
    }
    const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw this.unsupported(name, `a whole number ${bounds}${multipleOf > 1 ? `, a multiple of ${multipleOf}` : ''}`);
  }

  /** A finite number. Without a default it is required. */
  number(name: string, fallback?: number): number {
    const value = this.#valueOr(name, fallback);
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.unsupported(name, 'a number');
  }

  /** A finite number above 0. Without a default it is required. */
  positive(name: string, fallback?: number): number {
    const value = this.number(name, fallback);
    if (value > 0) return value;
    throw this.unsupported(name, 'a number above 0');
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.#valueOr(name, fallback);
    if (typeof value === 'boolean') return value;
    throw this.unsupported(name, 'true or false');
  }

  /** One id, a list of ids, or null for none. */
  tokenIds(name: string, fallback: number): readonly number[] {
    if (this.isNull(name)) return [];
    const value = this.#valueOr(name, fallback);
    const ids: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (ids.every((id): id is number => Number.isSafeInteger(id) && (id as number) >= 0)) return ids;
    throw this.unsupported(name, 'a token id or a list of token ids');
  }

  #valueOr(name: string, fallback: unknown): unknown {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : fallback;
  }

  /** The error for a field that asks for what is not computed. @param supported completes "supported is ..." */
  unsupported(name: string, supported: string): OutriderError {
    const found = JSON.stringify(this.#fields[name]) ?? 'absent';
    const short = found.length > 120 ? `${found.slice(0, 120)}...` : found;
    return new OutriderError(
      'config_unsupported',
      `config.json: ${this.#path}${name} is ${short}; supported is ${supported}.`,
      { details: { field: this.#path + name, found: short, supported } },
    );
  }
}
