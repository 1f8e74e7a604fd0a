/** The Chromium of the browser lane. */
import { type Browser, chromium } from 'playwright-core';

/** A name that leads to the server but that browsers do not count as a secure origin. */
export const insecureHost = 'insecure.test';

/** For a Chromium without WebGPU, in workers too. */
export const NO_ADAPTER = 'none';

/** Starts Chromium, on a GPU where `OUTRIDER_BROWSER_ADAPTER` names one and else on SwiftShader, which is everywhere the same. */
export function launchChromium(adapter = process.env.OUTRIDER_BROWSER_ADAPTER ?? 'swiftshader'): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.OUTRIDER_CHROMIUM || '/usr/bin/chromium',
    args: [
      '--no-sandbox', // Chromium refuses to start as root with one
      ...(adapter === NO_ADAPTER
        ? ['--disable-features=WebGPU', '--disable-gpu']
        : ['--enable-unsafe-webgpu', '--enable-unsafe-swiftshader', `--use-webgpu-adapter=${adapter}`]),
      `--host-resolver-rules=MAP ${insecureHost} 127.0.0.1`,
    ],
  });
}
