/** What a bug report needs to know: browser, adapter, model, storage, the last error. No word of a conversation. */
import { version } from '../../../package.json';
import { create } from '../shared/dom.ts';
import { describe } from '../shared/problems.ts';
import type { ModelLibrary } from './models/api.ts';
import type { HolderState } from './models/holder.ts';
import { library } from './models/library.ts';
import { readSettings } from './settings/settings.ts';
import { showToast } from './toast.ts';

/** What is reported on. */
export interface Report {
  readonly holder: HolderState;
  readonly library: Pick<ModelLibrary, 'listModels' | 'storageFacts'>;
  /** Undefined where nothing failed. */
  readonly failure: unknown;
  /** Texts that must not be in the report, should an error quote them. */
  readonly secrets: readonly string[];
}

/** Copies the report; where the browser does not let the page copy, it stands below the button for a person to do it. */
export async function copyDiagnostics(button: HTMLElement, about: Omit<Report, 'library'>): Promise<void> {
  const report = await diagnose({ ...about, library });
  const copied = await navigator.clipboard?.writeText(report).then(
    () => true,
    () => false,
  );
  if (!copied)
    button.after(
      create('textarea', { className: 'report', value: report, readOnly: true, rows: 8, ariaLabel: 'Diagnostics' }),
    );
  await showToast({
    text: copied
      ? 'The diagnostics are copied. They hold no word of your conversations.'
      : 'The diagnostics are ready to be copied.',
  });
}

/** The report as text, one fact a line. What cannot be found out says so in its place. */
export async function diagnose({ holder, library, failure, secrets }: Report): Promise<string> {
  const parts: [string, string[]][] = [
    ['Outrider', aboutPage()],
    ['WebGPU', await orWhy(aboutAdapter())],
    ['Model', aboutModel(holder)],
    ['Storage', await orWhy(aboutStorage(library))],
    ['Settings', aboutSettings()],
    ['Last error', [failure === undefined ? 'none' : redact(describe(failure), secrets)]],
  ];
  return `${parts.map(([title, lines]) => `## ${title}\n${lines.join('\n')}`).join('\n\n')}\n`;
}

/** Removes the texts wherever they are quoted, whole or by their beginning. Pure. */
export function redact(text: string, secrets: readonly string[]): string {
  const shortest = 4; // shorter ones are words that stand in any message
  return secrets
    .map((secret) => secret.trim())
    .filter((secret) => secret.length >= shortest)
    .toSorted((a, b) => b.length - a.length)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), secret.slice(0, 40)])
    .reduce((rest, secret) => rest.replaceAll(secret, '[text]'), text);
}

function aboutPage(): string[] {
  const { userAgent, language, hardwareConcurrency } = navigator;
  const { deviceMemory = 'unknown' } = navigator as { deviceMemory?: number };
  return [
    `version: ${version}`,
    `page: ${location.origin}${location.pathname}`, // never the query: an address in it may hold a token
    `time: ${new Date().toISOString()}`,
    `user agent: ${userAgent}`,
    `language: ${language}`,
    `processors: ${hardwareConcurrency}, memory: ${deviceMemory} GiB`,
    `secure: ${isSecureContext}, isolated: ${crossOriginIsolated}`,
    `service worker: ${navigator.serviceWorker?.controller ? 'in charge' : 'none'}`,
  ];
}

async function aboutAdapter(): Promise<string[]> {
  if (!navigator.gpu) return ['navigator.gpu: absent'];
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return ['adapter: none'];
  const { vendor, architecture, device, description } = adapter.info;
  const limits: string[] = [];
  for (const name in adapter.limits) {
    const value = adapter.limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') limits.push(`${name}: ${value}`);
  }
  return [
    `adapter: ${[vendor, architecture, device, description].filter(Boolean).join(' / ') || 'unnamed'}`,
    `features: ${[...adapter.features].sort().join(', ')}`,
    `WGSL: ${[...(navigator.gpu.wgslLanguageFeatures ?? [])].sort().join(', ')}`,
    ...limits.sort(),
  ];
}

function aboutModel(holder: HolderState): string[] {
  if (holder.kind === 'empty') return ['none'];
  const { entry, request } = holder.order;
  const { token: _, ...choices } = request;
  const lines = [`state: ${holder.kind}`, `address: ${entry.key}`, `asked for: ${JSON.stringify(choices)}`];
  if (holder.kind !== 'ready') return lines;
  const { format, contextLength, layers, numLocalExperts, bytes, adapter, variants } = holder.engine.model;
  return [
    ...lines,
    `format: ${format}`,
    `context: ${contextLength}, layers: ${layers.length}, experts: ${numLocalExperts}`,
    `bytes: ${JSON.stringify(bytes)}`,
    `adapter: ${JSON.stringify(adapter)}`,
    ...Object.entries(variants).map(([family, choice]) => `${family}: ${JSON.stringify(choice)}`),
  ];
}

async function aboutStorage(library: Report['library']): Promise<string[]> {
  const [{ usage, quota }, { used, persisted }, models] = await Promise.all([
    navigator.storage.estimate(),
    library.storageFacts(),
    library.listModels(),
  ]);
  return [
    `usage: ${usage} of ${quota} bytes, kept: ${persisted}`,
    `models: ${used} bytes`,
    ...models.map(({ id, bytes, size, complete, problem }) => {
      return `${id}: ${bytes} of ${size} bytes, ${complete ? 'complete' : 'incomplete'}${problem ? `, ${problem}` : ''}`;
    }),
  ];
}

function aboutSettings(): string[] {
  const { systemPrompt, ...rest } = readSettings();
  return [JSON.stringify(rest), `system prompt: ${systemPrompt ? 'set' : 'none'}`];
}

async function orWhy(lines: Promise<string[]>): Promise<string[]> {
  return lines.catch((error) => [`could not be found out: ${error}`]);
}
