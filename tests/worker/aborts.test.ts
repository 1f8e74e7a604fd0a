/**
 * A thousand aborts at random points, over the real protocol and a runner that notices every stale slot of its KV cache: each is
 * followed by a generation whose text equals the undisturbed one, and nothing of them is left.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { GenerateRequest } from '../../src/engine/request.ts';
import { fakeModel } from '../engine/fake-model.ts';
import { disturb, draws, textOf, WAYS } from './disturb.ts';
import { type FakeTab, fakeShared } from './fake-shared.ts';
import { createRemoteTextEngine } from './fake-worker.ts';
import { type Watch, watchLeaks } from './watch.ts';

const ABORTS = 1000;

let watch: Watch;
beforeEach(() => {
  watch = watchLeaks();
});
afterEach(() => watch.restore());

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};
const ask = (content: string): GenerateRequest => ({
  prompt: { messages: [{ role: 'user', content }] },
  sampling: { temperature: 0 },
  maxTokens: 12,
});
/** Longer than a chunk of 32, so that aborts fall into a prefill of several blocks too. */
const QUESTIONS = ['Hi', 'Hi there, how is it going today?', 'x'.repeat(70)].map(ask);

it(`${ABORTS} aborts at random points leave the next answer as it was, and neither ports nor listeners`, {
  timeout: 300_000,
}, async () => {
  const model = fakeModel();
  const engine = await createRemoteTextEngine(model);
  const undisturbed = await Promise.all(QUESTIONS.map((question) => textOf(engine, question)));
  await turns(20);
  const [ports, listeners] = [watch.openPorts(), watch.listeners()];
  const draw = draws(6);
  const points = new Set<string>();
  for (let abort = 0; abort < ABORTS; abort++) {
    const way = WAYS[draw(WAYS.length)]!;
    const wait = () => turns(draw(way === 'signal while queued' ? 4 : 45));
    const request = { ...QUESTIONS[draw(3)]!, maxTokens: 40 };
    const maxItems = 1 + draw(20);
    const { items, outcome } = await disturb(engine, way, { request, first: QUESTIONS[0]!, wait, maxItems });
    expect(way === 'loop left' ? ['ended'] : ['ended', 'AbortError']).toContain(outcome);
    points.add(`${way} ${outcome} ${items}`);
    const question = draw(QUESTIONS.length);
    expect(await textOf(engine, QUESTIONS[question]!), `after ${abort}: ${way}`).toBe(undisturbed[question]);
  }
  await expect.poll(watch.openPorts).toBe(ports);
  expect(points.size).toBeGreaterThan(40); // before the first token, and after few and many
  expect(watch.portsMade()).toBeGreaterThan(4 * ABORTS);
  expect(watch.listeners()).toBe(listeners);
  await engine.unload();
  expect(model.runner.destroyed).toBe(true);
  await expect.poll(watch.openPorts).toBe(0);
});

it('pages that crash in the middle of an answer leave the next one’s as it was, and nothing of themselves', {
  timeout: 300_000,
}, async () => {
  const model = fakeModel();
  const shared = fakeShared([model]);
  const engineOf = async (tab: FakeTab) => {
    const joined = await tab.join();
    return 'engine' in joined ? joined.engine : expect.fail(joined.missing);
  };
  const staying = await engineOf(shared.openTab());
  const undisturbed = await Promise.all(QUESTIONS.map((question) => textOf(staying, question)));
  const draw = draws(7);
  await turns(20);
  const [ports, locks] = [watch.openPorts(), shared.locks.held().length];
  for (let crash = 0; crash < 100; crash++) {
    const tab = shared.openTab();
    const engine = await engineOf(tab);
    const answers = [0, 1].map(() => textOf(engine, { ...QUESTIONS[draw(3)]!, maxTokens: 40 }).catch(() => ''));
    await turns(draw(60));
    tab.crash();
    const question = draw(QUESTIONS.length);
    expect(await textOf(staying, QUESTIONS[question]!), `after ${crash}`).toBe(undisturbed[question]);
    tab.close();
    await Promise.all(answers);
  }
  await expect.poll(() => [watch.openPorts(), shared.locks.held().length]).toEqual([ports, locks]);
  await staying.unload();
  expect(model.runner.destroyed).toBe(true);
});
