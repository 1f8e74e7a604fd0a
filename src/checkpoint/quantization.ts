/** `quantization_config`: which libraries' declarations are read. Which formats: `formats/table.ts`. */
import { findDeclaration, type Json } from './declaration.ts';
import { parseCompressedTensors } from './formats/compressed-tensors.ts';
import { parseAwq, parseBitsandbytes, parseFp8, parseGptq, parseMlx, parseModelOpt } from './formats/declarations.ts';
import { type QuantizationConfig, show, unsupported } from './formats/facts.ts';
import { isObject } from './json.ts';

export type { QuantizationConfig } from './formats/facts.ts';

/** How a declaration is recognised -> who reads it. The first that fits. */
const DECLARATIONS: readonly [(declared: Json) => boolean, (declared: Json) => QuantizationConfig][] = [
  [hasMethod('compressed-tensors'), parseCompressedTensors],
  [hasMethod('gptq'), parseGptq],
  [hasMethod('awq'), parseAwq],
  [hasMethod('bitsandbytes'), parseBitsandbytes],
  [hasMethod('fp8'), parseFp8],
  [(declared) => String(declared.quant_method).startsWith('modelopt'), parseModelOpt],
  [(declared) => declared.quant_method === undefined && isModelOpt(declared), parseModelOpt],
  [(declared) => declared.quant_method === undefined && 'config_groups' in declared, parseCompressedTensors],
  [(declared) => declared.quant_method === undefined && 'bits' in declared && 'group_size' in declared, parseMlx],
];

function hasMethod(method: string): (declared: Json) => boolean {
  return (declared) => declared.quant_method === method;
}

function isModelOpt({ producer, quantization, quant_algo: algorithm }: Json): boolean {
  return (isObject(producer) && producer.name === 'modelopt' && isObject(quantization)) || algorithm !== undefined;
}

/**
 * The quantization that a `config.json` declares; undefined where it declares none.
 * Throws `quantization_unsupported`, which names the format, for what is not read.
 */
export function parseQuantization(configJson: unknown): QuantizationConfig | undefined {
  const declared = findDeclaration(configJson);
  if (declared === undefined) return undefined;
  const [, parse] = DECLARATIONS.find(([fits]) => fits(declared)) ?? [];
  if (parse === undefined) throw unsupported(`quant_method ${show(declared.quant_method ?? null)}`);
  return parse(declared);
}
