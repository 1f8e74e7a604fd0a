/** A plan as a table for a terminal: sizes for people, exact bytes beside. */
import { WEIGHT_CLASSES } from '../../model/memory/weights.ts';
import { sayBytes, sayCount } from '../../model/memory/words.ts';
import type { ModelPlan } from '../../model/plan.ts';

/** What it is, its bytes, and a remark. */
type Row = readonly [label: string, bytes: number, remark?: string];

/** Several lines; the verdict and the next steps come last. */
export function formatPlan(plan: ModelPlan): string {
  return [
    `${plan.source}\n${plan.format}`,
    ...plan.notices.map((notice) => `Note: ${notice}`),
    section('Files', fileRows(plan)),
    section('On the GPU', gpuRows(plan)),
    section(`Keys and values (${plan.kv.dtype}) of other contexts`, contextRows(plan)),
    section('While loading, beside that', [
      ['JavaScript buffers', plan.staging.heap],
      ['in the GPU queue', plan.staging.queue],
    ]),
    section(limitsTitle(plan), limitRows(plan)),
    ...(plan.paged ? [section('If routed experts were paged', pagedRows(plan.paged))] : []),
    ...(plan.lossy ? [section('Lossy', [['saved', plan.lossy.saves, plan.lossy.what]])] : []),
    verdict(plan),
  ].join('\n\n');
}

function fileRows({ tensors, download, disk, read }: ModelPlan): Row[] {
  return [
    ['all tensors', tensors, 'vision included'],
    ['to download', download, 'whole files'],
    ['on disk', disk],
    ['read for the GPU', read, 'text weights only'],
  ];
}

function gpuRows({ gpu, kv }: ModelPlan): Row[] {
  const classes = WEIGHT_CLASSES.filter((name) => gpu.classes[name] > 0);
  return [
    ...classes.map((name): Row => [`  ${name}`, gpu.classes[name]]),
    ['weights', gpu.weights],
    ['keys and values', gpu.kv, `${sayCount(kv.contextLength)} tokens of at most ${sayCount(kv.maxContextLength)}`],
    ['activations', gpu.activations],
    ['total', gpu.total],
  ];
}

function contextRows({ kv }: ModelPlan): Row[] {
  return kv.at.map(({ contextLength, bytes }) => [`${sayCount(contextLength)} tokens`, bytes]);
}

function limitsTitle({ limits }: ModelPlan): string {
  return limits.assumed ? 'Limits (those that every adapter has; real ones mostly allow more)' : 'Limits';
}

function limitRows({ largest, limits }: ModelPlan): Row[] {
  return [
    ['largest buffer', largest.buffer.bytes, `${largest.buffer.label}; allowed: ${sayCount(limits.maxBufferSize)}`],
    [
      'largest binding',
      largest.binding.bytes,
      `${largest.binding.label}; allowed: ${sayCount(limits.maxStorageBufferBindingSize)}`,
    ],
  ];
}

function pagedRows({ resident, slot, leastSlots, least, readPerToken }: NonNullable<ModelPlan['paged']>): Row[] {
  return [
    ['always resident', resident, 'everything else'],
    ['one expert', slot],
    ['least', least, `with ${sayCount(leastSlots)} slots, one for each layer with experts`],
    ['read per token', readPerToken, 'at worst'],
  ];
}

function verdict({ verdict: word, reason, nextSteps, budget, contextLengthThatFits }: ModelPlan): string {
  const longest = contextLengthThatFits
    ? [`The longest context that fits: ${sayCount(contextLengthThatFits)} tokens.`]
    : [];
  const steps = nextSteps.map((step) => `  - ${step}`);
  return [
    `Verdict: ${word}. ${reason}`,
    ...(budget === undefined ? [] : longest),
    ...(steps.length > 0 ? ['Next:', ...steps] : []),
  ].join('\n');
}

/** The bytes of every section end in one column. */
function section(title: string, rows: readonly Row[]): string {
  const lines = rows.map(([label, bytes, remark]) => {
    const sizes = `${sayBytes(bytes).padStart(12)}${sayCount(bytes).padStart(20)}`;
    return `  ${label.padEnd(22)}${sizes}${remark ? `  ${remark}` : ''}`;
  });
  return [title, ...lines].join('\n');
}
