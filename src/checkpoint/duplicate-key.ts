/**
 * The first key that occurs twice in one object of a VALID JSON text, or undefined. `JSON.parse` keeps the last of two
 * equal keys in silence, which would let a file show one tensor to a scanner and another one to us.
 */
export function duplicateKey(text: string): string | undefined {
  const keysOfOpenObjects: (Set<string> | undefined)[] = []; // undefined: an array
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{') keysOfOpenObjects.push(new Set());
    else if (char === '[') keysOfOpenObjects.push(undefined);
    else if (char === '}' || char === ']') keysOfOpenObjects.pop();
    else if (char === '"') {
      const end = endOfString(text, at);
      const keys = keysOfOpenObjects.at(-1);
      if (keys !== undefined && isFollowedByColon(text, end)) {
        const key = JSON.parse(text.slice(at, end)) as string;
        if (keys.has(key)) return key;
        keys.add(key);
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** Index after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isFollowedByColon(text: string, index: number): boolean {
  let at = index;
  while (at < text.length && ' \t\n\r'.includes(text[at]!)) at++;
  return text[at] === ':';
}
