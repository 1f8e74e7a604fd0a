/** What an app does with the package; the test calls it through `app`. */
import { createEngine, type Engine, type EngineOptions } from 'outrider';
import 'outrider/element/register';
import { createLanguageModel } from 'outrider/prompt-api';
import EngineWorker from 'outrider/worker?worker';

const messages = [{ role: 'user' as const, content: 'Tell me a story about a dragon' }];

async function answer(engine: Engine): Promise<string> {
  const stream = await engine.chat.completions.create({ messages, temperature: 0, max_tokens: 8, stream: true });
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  return text;
}

/** One answer of an engine of its own, and what was announced meanwhile. */
async function answerOnce(model: string, options: EngineOptions): Promise<{ text: string; downgrades: string[] }> {
  const engine = await createEngine(model, options);
  const downgrades: string[] = [];
  engine.on('event', (event) => event.type === 'downgrade' && downgrades.push(event.message));
  const text = await answer(engine);
  await engine.unload();
  return { text, downgrades };
}

const app = {
  /** In a worker of this app's, one that tabs share, or in the page. */
  answerIn(where: 'own' | 'shared' | 'page', model: string) {
    const worker = where === 'own' ? new EngineWorker() : where === 'shared' ? 'shared' : false;
    return answerOnce(model, { contextLength: 256, worker });
  },

  /** Quantized while it is loaded, by workers of the library's. */
  answerQuantized: (model: string) => answerOnce(model, { contextLength: 256, recipe: 'int8-backbone' }),

  /** One engine, in a worker of the library's, behind the element, a grammar and the Prompt API. */
  async useEverywhere(model: string) {
    const engine = await createEngine(model, { contextLength: 512 });
    const chat = document.querySelector('outrider-chat')!;
    chat.engine = engine;
    chat.sampling = { temperature: 0, max_tokens: 8 };
    const shown = await chat.ask(messages[0]!.content);
    const json = await engine.chat.completions.create({
      messages: [{ role: 'user', content: 'Say yes or no' }],
      temperature: 0,
      response_format: {
        type: 'json_schema',
        json_schema: {
          name: 'answer',
          schema: {
            type: 'object',
            properties: { yes: { type: 'boolean' } },
            required: ['yes'],
            additionalProperties: false,
          },
        },
      },
    });
    const session = await createLanguageModel(engine).create();
    const prompted = await session.prompt('Hello', { responseConstraint: /^[a-z]{3,8}$/ });
    await engine.unload();
    return { shown, json: json.choices[0]!.message.content, prompted, log: chat.messages.length };
  },
};

export type App = typeof app;

Object.assign(globalThis, { app });
