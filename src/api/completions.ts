/** `chat.completions.create`: requests in, completions or chunks out. */
import type { GenerationEvent } from '../engine/request.ts';
import { toChatChunks, toChatCompletion } from './answer/chat-chunks.ts';
import { type Answering, createHead, generateEvents, respond } from './answer/generate.ts';
import { type Elsewhere, keepingMark } from './remote/types.ts';
import { parseRequest } from './request/validate.ts';
import type { ChatCompletionChunk, ChatCompletionRequest, ChatCompletions, RequestOptions } from './types.ts';

export function createChatCompletions(answering: Answering, elsewhere?: Elsewhere): ChatCompletions {
  const modelId = answering.engine.model.id;
  const create = async (request: ChatCompletionRequest, options: RequestOptions = {}) => {
    const { generate, stream, includeUsage, toolUse, grammar } = parseRequest(request, modelId);
    const head = createHead('chatcmpl', modelId);
    const counted = includeUsage || !stream;
    const events = (signal: AbortSignal) => generateEvents(answering, generate, grammar, signal);
    const write = (generated: AsyncIterable<GenerationEvent>) => toChatChunks(generated, head, toolUse, counted);
    const parts = { request, generate, grammar, stream, includeUsage: counted, head, events, write };
    const chunks = (signal: AbortSignal) => elsewhere?.chat(parts, signal) ?? write(events(signal));
    const collect = keepingMark((pieces: AsyncIterable<ChatCompletionChunk>) =>
      toChatCompletion(pieces, head, generate.logprobs !== undefined),
    );
    return respond(chunks, stream ? undefined : collect, options);
  };
  return { create: create as ChatCompletions['create'] };
}
