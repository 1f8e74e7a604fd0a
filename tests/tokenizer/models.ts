/** The tokenizers under test: Scoutling's, which the project bundles, and Llama 4's own, which lies beside it. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { createTokenizer, type Tokenizer } from '../../src/tokenizer/tokenizer.ts';

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const scoutling = path('public/models/llama-scoutling/');
const llama4 = path('../shared/data/llama4-tokenizer/');

const chats = path('../shared/goldens/chat/chats.json');

export const hasLlama4 = existsSync(llama4) && existsSync(chats);

export const readJson = (relative: string) => JSON.parse(readFileSync(path(relative), 'utf8'));

const read = (file: string) => {
  const bytes = readFileSync(file);
  return JSON.parse((file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'));
};

export const scoutlingJson = () => read(`${scoutling}tokenizer.json`);
export const loadScoutling = (): Tokenizer =>
  createTokenizer(scoutlingJson(), read(`${scoutling}tokenizer_config.json`));
export const scoutlingTemplate = () => readFileSync(`${scoutling}chat_template.jinja`, 'utf8');

export const loadLlama4 = (): Tokenizer =>
  createTokenizer(read(`${llama4}tokenizer.json.gz`), read(`${llama4}tokenizer_config.json`));
/** `t` is the text, `ids` what tiktoken makes of it. */
export const llama4Cases = (): { t: string; ids: number[] }[] => read(`${llama4}encode_golden.json.gz`);
/** 93 conversations by Transformers 5.23, with Llama 4's ids. */
export const chatGoldens = (): unknown[] => read(chats).cases;
