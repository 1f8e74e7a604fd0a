/** `chat.completions.create`: requests in, completions or chunks out. */
import { toChatChunks, toChatCompletion } from './answer/chat-chunks.ts';
import { type Answering, createHead, generateEvents, respond } from './answer/generate.ts';
import { parseRequest } from './request/validate.ts';
import type { ChatCompletionChunk, ChatCompletionRequest, ChatCompletions, RequestOptions } from './types.ts';

export function createChatCompletions(answering: Answering): ChatCompletions {
  const modelId = answering.engine.model.id;
  const create = async (request: ChatCompletionRequest, options: RequestOptions = {}) => {
    const { generate, stream, includeUsage, toolUse, grammar } = parseRequest(request, modelId);
    const head = createHead('chatcmpl', modelId);
    const chunks = (signal: AbortSignal) =>
      toChatChunks(generateEvents(answering, generate, grammar, signal), head, toolUse, includeUsage || !stream);
    const collect = (pieces: AsyncIterable<ChatCompletionChunk>) =>
      toChatCompletion(pieces, head, generate.logprobs !== undefined);
    return respond(chunks, stream ? undefined : collect, options);
  };
  return { create: create as ChatCompletions['create'] };
}
