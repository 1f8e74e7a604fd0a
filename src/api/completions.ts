/** `chat.completions.create`: requests in, completions or chunks out. */
import type { GenerationEvent } from '../engine/request.ts';
import { abortable } from '../ports/abortable.ts';
import { toChatChunks, toChatCompletion } from './answer/chat-chunks.ts';
import { type Answering, createHead, generateEvents, respond } from './answer/generate.ts';
import { type Elsewhere, keepingMark } from './remote/types.ts';
import { plainRequest } from './request/plain.ts';
import type { ChatCompletionChunk, ChatCompletionRequest, ChatCompletions, RequestOptions } from './types.ts';

export function createChatCompletions(answering: Answering, elsewhere?: Elsewhere): ChatCompletions {
  const modelId = answering.engine.model.id;
  const create = async (request: ChatCompletionRequest, options: RequestOptions = {}) => {
    const parse = async () => {
      const { parseRequest } = await abortable(import('./request/validate.ts'), answering.interruption.signal);
      return parseRequest(request, modelId);
    };
    const { generate, stream, includeUsage, toolUse, grammar } = plainRequest(request) ?? (await parse());
    const head = createHead('chatcmpl', modelId);
    const counted = includeUsage || !stream;
    const events = (signal: AbortSignal) => generateEvents(answering, generate, grammar, signal);
    const write = (generated: AsyncIterable<GenerationEvent>) =>
      toChatChunks(generated, head, toolUse, counted, generate.logprobs !== undefined);
    const parts = { request, generate, grammar, stream, includeUsage: counted, head, events, write };
    const chunks = (signal: AbortSignal) => elsewhere?.chat(parts, signal) ?? write(events(signal));
    const collect = keepingMark((pieces: AsyncIterable<ChatCompletionChunk>) =>
      toChatCompletion(pieces, head, generate.logprobs !== undefined),
    );
    return respond(chunks, stream ? undefined : collect, options);
  };
  return { create: create as ChatCompletions['create'] };
}
