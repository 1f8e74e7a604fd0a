/** JSON in web storage. Where a browser blocks storage the chat still works; it just forgets on reload. */

/** The stored value, or undefined where there is none, where it is not JSON, or where storage is blocked. */
export function readJson(area: 'localStorage' | 'sessionStorage', key: string): unknown {
  try {
    return JSON.parse(window[area].getItem(key) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

/** Stores `value`; undefined removes the key. */
export function writeJson(area: 'localStorage' | 'sessionStorage', key: string, value: unknown): void {
  try {
    if (value === undefined) window[area].removeItem(key);
    else window[area].setItem(key, JSON.stringify(value));
  } catch {
    // Blocked or full: see the header.
  }
}
