/** The command as people start it: the embedded model on this machine's adapter, the official client, and a signal at the end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureBuilt } from '../../src/build/fresh.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
let server: ChildProcess;
let client: OpenAI;

beforeAll(async () => {
  await ensureBuilt('cli');
  const argv = [
    'dist/cli/outrider.js',
    'serve',
    'public/models/llama-scoutling',
    '--port',
    '0',
    '--context-length',
    '256',
  ];
  server = spawn(process.execPath, argv, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  for await (const piece of server.stdout!) {
    printed += piece;
    if (printed.includes('curl')) break;
  }
  client = new OpenAI({ baseURL: /http:\S+\/v1/.exec(printed)![0], apiKey: 'local' });
}, 600_000);

afterAll(() => {
  server?.kill('SIGKILL');
});

it('serves the model until it is told to stop, and lets a running answer end', async () => {
  const messages = [{ role: 'user' as const, content: 'Repeat after me: falcon ember willow' }];
  const request = { model: 'llama-scoutling', messages, temperature: 0 };
  const { choices, usage } = await client.chat.completions.create(request);
  expect([choices[0]!.message.content, usage!.prompt_tokens]).toEqual(['falcon ember willow', 21]);
  const story = { ...request, messages: [{ role: 'user' as const, content: 'Tell me a story about a dragon' }] };
  const stream = await client.chat.completions.create({ ...story, max_tokens: 12, stream: true });
  const exited = once(server, 'exit');
  let text = '';
  let isTold = false;
  for await (const { choices } of stream) {
    if (!isTold) server.kill('SIGTERM'); // once: a second signal ends it at once
    isTold = true;
    text += choices[0]?.delta.content ?? '';
  }
  expect(text).toMatch(/^Once upon a time(\W+\w+){4}/);
  expect((await exited)[0]).toBe(0);
});
