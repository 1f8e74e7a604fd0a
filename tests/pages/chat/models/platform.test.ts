import { expect, it } from 'vitest';
import { memoryGuide } from '../../../../src/model/budget.ts';
import { machineOf } from '../../../../src/pages/chat/models/platform.ts';

it.each([
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/26.0 Safari/605.1.15', 'macos', false],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36', 'windows', true],
  ['Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/156.0.0.0', 'chromeos', true],
  ['Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/156.0.0.0 Mobile', 'android', true],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0', 'linux', false],
  ['something new', 'other', false],
])('%s is known for what limits it', (userAgent, platform, chromium) => {
  const machine = machineOf({ userAgent });
  expect(machine).toMatchObject({ platform, chromium });
  const limited = platform === 'macos' || (chromium && platform !== 'android');
  expect(memoryGuide(machine).caps.length).toBe(limited ? 1 : 0);
});
