/** The files that a chat needs and the peers' model folders lack: the vocabulary of prompts.ts as a byte-level BPE. */
import { byteCharacters } from '../../../tokenizer/bytes.ts';
import { FIRST_WORD } from './prompts.ts';

const SPECIALS = ['<unk>', '<s>', '</s>'];

/** File name -> text. The template prints the one message and nothing else, so that a prompt is its words. */
export function tokenizerFiles(vocabSize: number): ReadonlyMap<string, string> {
  return new Map([
    ['tokenizer.json', JSON.stringify(tokenizerOf(vocabSize))],
    ['tokenizer_config.json', JSON.stringify({ bos_token: SPECIALS[1], eos_token: SPECIALS[2] })],
    ['chat_template.jinja', "{{ messages[0]['content'] }}"],
  ]);
}

function tokenizerOf(vocabSize: number) {
  const vocab: Record<string, number> = {};
  byteCharacters.forEach((character, byte) => {
    vocab[character] = SPECIALS.length + byte;
  });
  for (let id = FIRST_WORD; id < vocabSize; id++) vocab[`#${id};`] = id;
  return {
    added_tokens: SPECIALS.map((content, id) => ({ id, content, special: true })),
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: '#\\d+;' }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
      ],
    },
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab, merges: [], ignore_merges: true }, // a piece that is a word is that token
  };
}
