/** JSON schemas and the real embedded model: OUTRIDER_SCHEMAS of them (default 2), by OUTRIDER_SEED (default 1). */
import Ajv from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FORMATS } from '../../src/grammar/formats.ts';
import { createEngine, type Engine } from '../../src/index.ts';
import { schemas } from './random-schema.ts';

const numRuns = Number(process.env.OUTRIDER_SCHEMAS ?? 2);
const seed = Number(process.env.OUTRIDER_SEED ?? 1);
/** What is to end by itself; of a few, all. */
const SHARE = 0.95;

const ajv = new Ajv({ strict: false });
for (const [name, pattern] of Object.entries(FORMATS)) ajv.addFormat(name, new RegExp(`^(?:${pattern})$`, 'u'));

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine('public/models/llama-scoutling', { worker: false, contextLength: 1024 });
});
afterAll(() => engine?.unload());

it('answers that end by themselves are valid by ajv, and nearly all do', { timeout: 60_000 * numRuns }, async () => {
  let stopped = 0;
  for (const [index, schema] of fc.sample(schemas, { numRuns, seed }).entries()) {
    const { choices } = await engine.chat.completions.create({
      messages: [{ role: 'user', content: 'Tell me about a dragon, a city and a number.' }],
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
      max_tokens: 400,
      seed: index,
    });
    const { message, finish_reason } = choices[0];
    if (finish_reason !== 'stop') continue;
    stopped++;
    const answer = JSON.parse(message.content ?? '');
    expect(ajv.validate(schema, answer), `${JSON.stringify(schema)}\n${message.content}\n${ajv.errorsText()}`).toBe(
      true,
    );
  }
  console.log(`${stopped} of ${numRuns} answers ended by themselves, and all of those are valid.`);
  expect(stopped).toBeGreaterThanOrEqual(SHARE * numRuns);
});
