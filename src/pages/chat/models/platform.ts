/** What the browser tells of the machine, for the guide to a budget. Pure. */
import type { MachineFacts, Platform } from '../../../model/budget.ts';

/** What is looked at of `navigator`. */
export interface NavigatorFacts {
  readonly userAgent: string;
  /** Only Chromium has it. */
  readonly deviceMemory?: number | undefined;
}

const platforms: readonly [RegExp, Platform][] = [
  [/iPhone|iPad/, 'ios'],
  [/Android/, 'android'],
  [/CrOS/, 'chromeos'],
  [/Windows/, 'windows'],
  [/Macintosh/, 'macos'],
  [/Linux/, 'linux'],
];

export function machineOf({ userAgent, deviceMemory }: NavigatorFacts): MachineFacts {
  return {
    platform: platforms.find(([pattern]) => pattern.test(userAgent))?.[1] ?? 'other',
    chromium: /Chrome\//.test(userAgent),
    deviceMemoryGiB: deviceMemory,
  };
}
