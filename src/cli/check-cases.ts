/** Compares a model with stored greedy ids, with the last logits of a long prompt, and by perplexity. */
import { readFile } from 'node:fs/promises';
import { OutriderError } from '../errors.ts';
import type { GpuRunner } from '../model/gpu-runner.ts';
import type { Probe } from '../model/probe.ts';
import { greedyIds, maxError, type Report, TOLERANCE } from './check-tensors.ts';
import type { ExpectedCases } from './expected.ts';

/** The stored lists end before the first near tie, so the ids must begin with them. */
export async function checkCases(runner: GpuRunner, probe: Probe, expected: ExpectedCases): Promise<Report> {
  let equal = 0;
  let all = 0;
  for (const { inputIds, greedyIds: wanted } of expected.cases) {
    const found = await greedyIds(runner, inputIds, wanted.length);
    equal += wanted.filter((id, index) => id === found[index]).length;
    all += wanted.length;
  }
  const { long } = expected;
  if (!long) return { ok: equal === all, text: `greedy ${equal}/${all}` };
  const { logits } = await probe.run(long.ids);
  const error = maxError(logits.subarray(logits.length - long.lastLogits.length), long.lastLogits);
  return {
    ok: equal === all && error <= TOLERANCE,
    text: `max logit error ${error.toExponential(1)} after ${long.ids.length} tokens, greedy ${equal}/${all}`,
  };
}

export async function readDocuments(
  file: string,
): Promise<{ documents: readonly (readonly number[])[]; perplexity: number | undefined }> {
  const json = JSON.parse(await readFile(file, 'utf8')) as { documents?: unknown; perplexity?: unknown };
  const documents = json.documents;
  if (!Array.isArray(documents) || documents.length === 0 || !documents.every(Array.isArray)) {
    throw new OutriderError('invalid_request', `${file} has no "documents": a list of lists of ids is needed.`);
  }
  return { documents, perplexity: typeof json.perplexity === 'number' ? json.perplexity : undefined };
}

/** exp of the mean next-token loss over all tokens of all documents, each from position 0; log-softmax in f64. */
export async function perplexity(probe: Probe, documents: readonly (readonly number[])[]): Promise<number> {
  let loss = 0;
  let tokens = 0;
  for (const [index, ids] of documents.entries()) {
    const { logits } = await probe.run(ids);
    const vocab = logits.length / ids.length;
    for (let row = 0; row + 1 < ids.length; row++)
      loss += lossOf(logits.subarray(row * vocab, (row + 1) * vocab), ids[row + 1]!);
    tokens += ids.length - 1;
    process.stderr.write(
      `\rperplexity: ${index + 1} of ${documents.length} documents, ${Math.exp(loss / tokens).toFixed(4)}   `,
    );
  }
  process.stderr.write('\n');
  return Math.exp(loss / tokens);
}

function lossOf(logits: Float32Array, id: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) highest = Math.max(highest, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  return highest + Math.log(sum) - logits[id]!;
}
