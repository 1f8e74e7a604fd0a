/** `chat.completions.create` over a conversation engine: requests in, completions or chunks out. */
import type { FinishReason, GenerationEvent, TextEngine } from '../engine/request.ts';
import type { Usage } from '../engine/stats.ts';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequest,
  ChatCompletionStream,
  ChatCompletions,
  RequestOptions,
} from './types.ts';
import { parseRequest } from './validate.ts';

type Events = AsyncIterableIterator<GenerationEvent, void, undefined>;

/** What all objects of one answer share. */
interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

export function createChatCompletions(engine: Pick<TextEngine, 'generate' | 'model'>): ChatCompletions {
  const modelId = engine.model.id;
  const create = async (request: ChatCompletionRequest, options: RequestOptions = {}) => {
    const { generate, stream, includeUsage } = parseRequest(request, modelId);
    const events = engine.generate(generate, { signal: options.signal ?? undefined });
    const head: Head = { id: `chatcmpl-${randomHex()}`, created: Math.floor(Date.now() / 1000), model: modelId };
    return stream ? streamChunks(events, head, includeUsage) : collect(events, head);
  };
  return { create: create as ChatCompletions['create'] };
}

async function collect(events: Events, head: Head): Promise<ChatCompletion> {
  let content = '';
  let finishReason: FinishReason = 'stop';
  for (;;) {
    const event = await nextEvent(events);
    if (event.type === 'text') content += event.text;
    else if (event.type === 'end') finishReason = event.finishReason;
    else {
      letGo(events);
      return completion(head, content, finishReason, event.usage);
    }
  }
}

async function* streamChunks(
  events: Events,
  head: Head,
  includeUsage: boolean,
): AsyncGenerator<ChatCompletionChunk, void, undefined> & ChatCompletionStream {
  const usage = includeUsage ? { usage: null } : {};
  try {
    let event = await nextEvent(events);
    yield { ...chunk(head, { role: 'assistant', content: '' }, null), ...usage };
    while (event.type !== 'usage') {
      if (event.type === 'text') yield { ...chunk(head, { content: event.text }, null), ...usage };
      else yield { ...chunk(head, {}, event.finishReason), ...usage };
      event = await nextEvent(events);
    }
    if (includeUsage) yield { ...chunk(head, {}, null), choices: [], usage: event.usage };
  } finally {
    letGo(events);
  }
}

async function nextEvent(events: Events): Promise<GenerationEvent> {
  const { done, value } = await events.next();
  if (done) throw new Error('a generation ended without its end event');
  return value;
}

/** Ends the generation without waiting for steps that ran ahead; the next request waits for them. */
function letGo(events: Events): void {
  events.return!().catch(() => {}); // the answer is complete, or its error is being thrown already
}

function completion(head: Head, content: string, finishReason: FinishReason, usage: Usage): ChatCompletion {
  const { id, created, model } = head;
  const message = { role: 'assistant', content, refusal: null } as const;
  const choice = { index: 0, message, logprobs: null, finish_reason: finishReason } as const;
  return { id, object: 'chat.completion', created, model, choices: [choice], usage };
}

function chunk(
  head: Head,
  delta: ChatCompletionChunk['choices'][number]['delta'],
  finishReason: FinishReason | null,
): ChatCompletionChunk {
  const { id, created, model } = head;
  const choice = { index: 0, delta, logprobs: null, finish_reason: finishReason } as const;
  return { id, object: 'chat.completion.chunk', created, model, choices: [choice] };
}

const randomHex = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
