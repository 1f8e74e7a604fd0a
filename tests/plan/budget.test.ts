import { describe, expect, it } from 'vitest';
import { type MachineFacts, memoryGuide } from '../../src/model/budget.ts';

const GIB = 2 ** 30;

describe('what platforms allow', () => {
  it.each<[what: string, machine: MachineFacts, gib: number | undefined, text: RegExp]>([
    ['a Mac: three quarters', { platform: 'macos', memoryGiB: 64 }, 48, /75 % of its memory: 48 GB of 64/],
    ['a large Mac', { platform: 'macos', memoryGiB: 128, chromium: true }, 96, /96 GB of 128/],
    ['a Mac that does not say more than 8 GB', { platform: 'macos', deviceMemoryGiB: 8 }, undefined, /48 GB of 64/],
    ['a PC with 64 GB, shared', { platform: 'windows', memoryGiB: 64, chromium: true }, 32, /may have 32 GB/],
    ['a PC with 128 GB, shared', { platform: 'linux', memoryGiB: 128, chromium: true }, 64, /may have 64 GB/],
    ['a small PC', { platform: 'windows', deviceMemoryGiB: 4, chromium: true }, 8, /may have 8 GB/],
    ['a PC of which nothing is known', { platform: 'windows', chromium: true }, undefined, /8, 16, 32 or 64 GB/],
    ['a card under Windows', { platform: 'windows', memoryGiB: 64, chromium: true, cardGiB: 24 }, 22.8, /95 %/],
    ['a card under Linux', { platform: 'linux', memoryGiB: 64, cardGiB: 96 }, 96, /has 96 GB/],
  ])('%s', (_, machine, gib, text) => {
    const { suggested, caps } = memoryGuide(machine);
    expect(suggested).toBe(gib === undefined ? undefined : Math.floor(gib * GIB));
    expect(caps.map((cap) => cap.text).join(' ')).toMatch(text);
  });

  it('nothing is said where nothing is known', () => {
    expect(memoryGuide({ platform: 'other' })).toEqual({ suggested: undefined, caps: [] });
  });
});
