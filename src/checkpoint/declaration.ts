/** Where `config.json` declares a quantization. Who reads the declaration: `quantization.ts`, `formats/plain.ts`. */
import { isObject } from './json.ts';

export type Json = Readonly<Record<string, unknown>>;

/** What `config.json` says of a quantization, wherever the various exporters put it. */
export function findDeclaration(configJson: unknown): Json | undefined {
  if (!isObject(configJson)) return undefined;
  const places = [configJson, configJson.text_config].filter(isObject);
  for (const place of places) {
    for (const key of ['quantization_config', 'compression_config', 'quantization']) {
      const value = place[key];
      if (isObject(value)) return value;
    }
  }
  return undefined;
}
