import { describe, expect, it } from 'vitest';
import { isStoredAs, parseAddress, resolveLink } from '../../../../src/pages/chat/models/address.ts';
import { embeddedModel } from '../../../../src/pages/chat/models/embedded.ts';

const home = { base: 'https://chat.test/', embedded: 'https://chat.test/models/llama-scoutling' };
const commit = '0123456789abcdef0123456789abcdef01234567';

describe('an address', () => {
  it.each([
    ['/models/llama-scoutling', 'https://chat.test/models/llama-scoutling', 'embedded'],
    ['/models/llama-scoutling/', 'https://chat.test/models/llama-scoutling', 'embedded'],
    ['./other?x=1', 'https://chat.test/other', 'here'],
    [' https://far.test/a/scout/?signature=secret#x ', 'https://far.test/a/scout', 'remote'],
    ['https://user:secret@far.test/scout', 'https://far.test/scout', 'remote'],
    ['owner/name', 'hf:owner/name', 'remote'],
    ['hf:owner/name@main', 'hf:owner/name', 'remote'],
    ['hf:owner/name@refs/pr/1', 'hf:owner/name@refs/pr/1', 'remote'],
    ['https://huggingface.co/owner/name', 'hf:owner/name', 'remote'],
    ['https://huggingface.co/owner/na.me/tree/v1/', 'hf:owner/na.me@v1', 'remote'],
  ])('%s is kept as %s: %s', (typed, key, kind) => {
    const entry = parseAddress(typed, home);
    expect(entry).toMatchObject({ key, kind });
    expect(`${entry.key} ${entry.label} ${entry.name}`).not.toContain('secret');
    expect(parseAddress(entry.key, home).key).toBe(key);
  });

  it('of the embedded model is read as what is there without reading it', () => {
    expect(embeddedModel(home)).toEqual(parseAddress(home.embedded, home));
  });

  it.each(['', 'scout', 'a b/c', 'ftp://far.test/x', 'javascript:alert(1)', 'data:text/plain,x', 'hf:one', 'hf:a/b/c'])(
    'is refused with advice where it is none: %j',
    (typed) => {
      expect(() => parseAddress(typed, home)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    },
  );

  it('recognizes what is stored, whatever the revision came to be', () => {
    const stored = (typed: string, id: string) => isStoredAs(parseAddress(typed, home), id);
    expect(stored('https://far.test/scout/?t=1', 'https://far.test/scout/')).toBe(true);
    expect(stored('https://far.test/scout', 'https://far.test/scout-2')).toBe(false);
    expect(stored('owner/name', `hf:owner/name@${commit}`)).toBe(true);
    expect(stored(`owner/name@${commit.slice(0, 7)}`, `hf:owner/name@${commit}`)).toBe(true);
    expect(stored('owner/name@fedcba9', `hf:owner/name@${commit}`)).toBe(false);
    expect(stored('owner/nam', `hf:owner/name@${commit}`)).toBe(false);
  });

  it('leads links of its card to the model’s own place, and only to the web', () => {
    expect(resolveLink(parseAddress('owner/name', home), 'LICENSE')).toBe(
      'https://huggingface.co/owner/name/blob/main/LICENSE',
    );
    expect(resolveLink(parseAddress('https://far.test/scout', home), './L.md')).toBe('https://far.test/scout/L.md');
    expect(resolveLink(parseAddress('owner/name', home), 'javascript:alert(1)')).toBeUndefined();
  });
});
