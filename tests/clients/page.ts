/** A page as an app would write it: one engine, and the official clients over its `fetch`. Tests drive it. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import * as ai from 'ai';
import OpenAI from 'openai';
import { createLanguageModel } from '../../src/api/prompt-api.ts';
import { createEngine } from '../../src/index.ts';

async function connect() {
  const engine = await createEngine('/models/llama-scoutling', { contextLength: 1024 });
  let requests = 0;
  const counted: typeof fetch = (...request) => {
    requests++;
    return engine.fetch(...request);
  };
  const server = { baseURL: 'http://outrider/v1', apiKey: 'local', fetch: engine.fetch };
  const provider = createOpenAICompatible({
    name: 'outrider',
    supportsStructuredOutputs: true,
    includeUsage: true,
    ...server,
  });
  return {
    engine,
    OpenAI,
    openai: new OpenAI({ ...server, dangerouslyAllowBrowser: true }),
    /** The same, and how many requests it has made. */
    counting: new OpenAI({ ...server, fetch: counted, dangerouslyAllowBrowser: true }),
    requests: () => requests,
    ai,
    model: provider('llama-scoutling'),
    LanguageModel: createLanguageModel(engine),
  };
}

declare global {
  /** What the page offers, once the model is loaded. */
  var clients: Awaited<ReturnType<typeof connect>>;
}

globalThis.clients = await connect();
document.title = 'ready';
