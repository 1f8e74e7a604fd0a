/** This engine, as an app has it: the public API, the default worker, the lossless defaults. */
import { createEngine, type Usage } from '../../../../index.ts';
import type { LoadRequest } from '../types.ts';
import { Answer, type Loaded } from './subject.ts';

export async function loadOutrider({ model, contextLength }: LoadRequest): Promise<Loaded> {
  const started = performance.now();
  const source = new URL(`/peers/models/${model}`, location.href).href;
  const engine = await createEngine(source, { cache: false, contextLength });
  const { adapter, bytes, format } = engine.model;
  const complete = async (prompt: string, tokens: number) => {
    const answer = new Answer();
    const stream = await engine.chat.completions.create({
      messages: [{ role: 'user', content: prompt }],
      temperature: 0,
      max_tokens: tokens,
      stream: true,
      stream_options: { include_usage: true },
    });
    let usage: Usage | null | undefined;
    for await (const chunk of stream) {
      const text = chunk.choices[0]?.delta.content;
      if (text) answer.push(text);
      usage = chunk.usage;
    }
    const { prompt_tokens: promptTokens, prompt_tokens_details: details, extra } = usage!;
    const fed = promptTokens - details.cached_tokens;
    return answer.end({
      promptTokens: fed,
      ownPrefillMs: (1000 * fed) / extra.prefill_tokens_per_s,
      ownDecodeMs: 1000 * extra.time_per_output_token_s * (tokens - 1),
    });
  };
  const place = `${(bytes.weights / 2 ** 20).toFixed(2)} MiB on ${adapter.description || adapter.architecture}`;
  const chosen = Object.entries(engine.variants).map(([family, { name, why }]) => `${family} "${name}" (${why})`);
  const weights = `${place}; ${format}; ${chosen.join(', ')}`;
  return { facts: { loadMs: performance.now() - started, weights, onGpu: true }, complete };
}
