/** The parts of answers in files: routes as base64, everything else as it is. What comes in is checked. Pure. */
import {
  type AnswerParts,
  type CallMade,
  type ChosenToken,
  mostExperts,
  type RoutedLayer,
  type Routes,
  type TokenChance,
} from './answer.ts';
import { arrayAt, numberAt, objectAt, refuse, textAt } from './checks.ts';
import type { Message } from './tree.ts';

/** The message with nothing in it that JSON lacks. */
export function plainMessage(message: Message): object {
  if (message.role !== 'assistant' || !message.routes) return message;
  return { ...message, routes: { ...message.routes, experts: toBase64(message.routes.experts) } };
}

/** @throws OutriderError `invalid_request` */
export function readParts({ calls, tokens, routes, remote }: Record<string, unknown>, path: string): AnswerParts {
  return {
    ...(calls !== undefined && { calls: listAt(calls, `${path}.calls`, readCall) }),
    ...(tokens !== undefined && { tokens: listAt(tokens, `${path}.tokens`, readToken) }),
    ...(routes !== undefined && { routes: readRoutes(routes, `${path}.routes`) }),
    ...(remote !== undefined && { remote: readRemote(remote, `${path}.remote`) }),
  };
}

function readCall(data: unknown, path: string): CallMade {
  const { id, name, arguments: args } = objectAt(data, path);
  const text = textAt(args, `${path}.arguments`);
  try {
    JSON.parse(text);
  } catch {
    refuse(`${path}.arguments`, 'JSON text', text);
  }
  return { id: textAt(id, `${path}.id`), name: textAt(name, `${path}.name`), arguments: text };
}

function readToken(data: unknown, path: string): ChosenToken {
  const { top } = objectAt(data, path);
  return { ...readChance(data, path), top: listAt(top, `${path}.top`, readChance) };
}

function readChance(data: unknown, path: string): TokenChance {
  const { text, logprob } = objectAt(data, path);
  if (typeof logprob !== 'number' || !(logprob <= 0)) refuse(`${path}.logprob`, 'a number of 0 or less', logprob);
  return { text: textAt(text, `${path}.text`), logprob };
}

function readRoutes(data: unknown, path: string): Routes {
  const { layers, numExperts, start, texts, experts } = objectAt(data, path);
  const read = {
    layers: listAt(layers, `${path}.layers`, readLayer),
    numExperts: countAt(numExperts, `${path}.numExperts`, mostExperts),
    start: countAt(start, `${path}.start`),
    texts: listAt(texts, `${path}.texts`, textAt),
  };
  const bytes = fromBase64(textAt(experts, `${path}.experts`));
  const size = read.layers.length * read.texts.length;
  const isWithin = bytes?.length === size && bytes.every((expert) => expert < read.numExperts);
  if (!bytes || !isWithin) refuse(`${path}.experts`, `${size} experts below ${read.numExperts} in base64`, experts);
  return { ...read, experts: bytes };
}

function readLayer(data: unknown, path: string): RoutedLayer {
  const { layer, attention, rope } = objectAt(data, path);
  if (attention !== 'chunked' && attention !== 'global') refuse(`${path}.attention`, 'chunked or global', attention);
  if (typeof rope !== 'boolean') refuse(`${path}.rope`, 'true or false', rope);
  return { layer: countAt(layer, `${path}.layer`), attention, rope };
}

function readRemote(data: unknown, path: string) {
  const { origin, model, superseded } = objectAt(data, path);
  return {
    origin: textAt(origin, `${path}.origin`),
    model: textAt(model, `${path}.model`),
    ...(superseded !== undefined && { superseded: countAt(superseded, `${path}.superseded`) }),
  };
}

function listAt<T>(value: unknown, path: string, read: (item: unknown, path: string) => T): T[] {
  return arrayAt(value, path).map((item, at) => read(item, `${path}[${at}]`));
}

function countAt(value: unknown, path: string, most = Number.MAX_SAFE_INTEGER): number {
  const count = numberAt(value, path);
  return Number.isInteger(count) && count <= most ? count : refuse(path, `a whole number up to ${most}`, value);
}

function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
