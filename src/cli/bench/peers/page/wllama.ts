/** wllama: llama.cpp in WebAssembly, on WebGPU with all of its layers, or on two threads. */
import type { LoadRequest } from '../types.ts';
import { Answer, type Loaded } from './subject.ts';

const MODULE = '/peers/node_modules/@wllama/wllama/esm/index.js';
const WASM = '/peers/node_modules/@wllama/wllama/esm/wasm/wllama.wasm';
const THREADS = 2;
const ALL_LAYERS = 999;
const SHOWN_LINES = 12;

/** What is used of wllama; it is no dependency, so its types are not here. */
interface Wllama {
  loadModel(files: readonly Blob[], options: Readonly<Record<string, number>>): Promise<void>;
  getNumThreads(): number;
  createCompletion(options: object): Promise<unknown>;
}

interface Chunk {
  readonly choices?: readonly { readonly text?: string }[];
  readonly timings?: { readonly prompt_n?: number; readonly prompt_ms?: number; readonly predicted_ms?: number };
}

type Log = Readonly<Record<'debug' | 'log' | 'warn' | 'error', (...words: unknown[]) => void>>;

export async function loadWllama({ model, subject, contextLength }: LoadRequest): Promise<Loaded> {
  const lines: string[] = [];
  const keep = (...words: unknown[]) => void lines.push(words.join(' '));
  const log: Log = { debug: keep, log: keep, warn: keep, error: keep };
  const { Wllama } = (await import(/* @vite-ignore */ MODULE)) as {
    Wllama: new (paths: object, options: { logger: Log }) => Wllama;
  };
  const weightsFile = await (await fetch(`/peers/models/${model}.gguf`)).blob();
  const started = performance.now();
  const wllama = new Wllama({ default: WASM }, { logger: log });
  const onWebgpu = subject === 'wllama-webgpu';
  await wllama.loadModel([weightsFile], {
    n_ctx: contextLength,
    n_parallel: 1,
    n_threads: onWebgpu ? 1 : THREADS,
    n_gpu_layers: onWebgpu ? ALL_LAYERS : 0,
  });
  const loadMs = performance.now() - started;
  const buffers = lines.flatMap((line) => {
    const [, place, size] = /(\S+) model buffer size = +([\d.]+) MiB/.exec(line) ?? [];
    return place && size ? [{ place, mebibytes: Number(size) }] : [];
  });
  const places = buffers.map(({ place, mebibytes }) => `${mebibytes} MiB on ${place}`).join(', ');
  const weights = `${places}; threads: ${wllama.getNumThreads()}`;
  return { facts: { loadMs, weights, onGpu: isOnGpu(buffers) }, complete: completer(wllama, lines) };
}

/** The embedding table may stay behind: it is only looked up. */
function isOnGpu(buffers: readonly { readonly place: string; readonly mebibytes: number }[]): boolean {
  const sum = (list: typeof buffers) => list.reduce((total, { mebibytes }) => total + mebibytes, 0);
  return sum(buffers.filter(({ place }) => /webgpu/i.test(place))) > sum(buffers) / 2;
}

/** @param lines its log, of which an error shows the end */
function completer(wllama: Wllama, lines: readonly string[]): Loaded['complete'] {
  return async (prompt, tokens) => {
    const answer = new Answer();
    let last: Chunk = {};
    const request = {
      prompt,
      max_tokens: tokens,
      temperature: 0,
      top_k: 1,
      ignore_eos: true,
      cache_prompt: false,
      stream: true,
      onData: (chunk: Chunk) => {
        const text = chunk.choices?.[0]?.text;
        if (text) answer.push(text);
        last = chunk;
      },
    };
    await wllama.createCompletion(request).catch((cause) => {
      const message = `wllama failed: ${cause}. Its log ends with\n${lines.slice(-SHOWN_LINES).join('\n')}`;
      throw new Error(message, { cause });
    });
    const {
      prompt_n: promptTokens = 0,
      prompt_ms: ownPrefillMs = 0,
      predicted_ms: ownDecodeMs = 0,
    } = last.timings ?? {};
    return answer.end({ promptTokens, ownPrefillMs, ownDecodeMs });
  };
}
