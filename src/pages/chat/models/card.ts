/** A model's card: what its README says about its licence, in the few words of front matter that matter here. Pure. */

/** What a person must know before they load a model. */
export interface ModelCard {
  /** As Hugging Face spells it: `mit`, `llama4`, `other`; undefined where the model states none. */
  readonly license?: string | undefined;
  /** For people: `Llama 4 Community License`. */
  readonly licenseName?: string | undefined;
  /** Absolute, or relative to the model's folder. */
  readonly licenseLink?: string | undefined;
  /** The licence itself, where a file or the card holds it. */
  readonly licenseText?: string | undefined;
  /** Whether the files are given out only to who asked for them and was let in. */
  readonly gated: boolean;
  /** Models that this one was made from. */
  readonly baseModel: readonly string[];
  /** What the licence wants shown: `Built with Llama`. */
  readonly attribution?: string | undefined;
}

/** Licences that Llama 4 models and what was made of them have, by Hugging Face's ids; others keep their own names. */
const knownLicenses: Readonly<Record<string, { name: string; link: string }>> = {
  mit: { name: 'MIT licence', link: 'https://opensource.org/license/mit' },
  'apache-2.0': { name: 'Apache License 2.0', link: 'https://www.apache.org/licenses/LICENSE-2.0' },
  llama4: { name: 'Llama 4 Community License', link: 'https://www.llama.com/llama4/license/' },
};

/**
 * Reads README.md, and the licence's own file where there is one. A model without a card has an empty one.
 * @param readText a small text file of the model by its path, or undefined; its rejections pass through
 */
export async function readModelCard(readText: (path: string) => Promise<string | undefined>): Promise<ModelCard> {
  const readme = await readText('README.md');
  const card = parseModelCard(readme ?? '');
  if (card.licenseText !== undefined) return card;
  const isFile = card.licenseLink !== undefined && !/^[a-z]+:/i.test(card.licenseLink);
  const licenseText = await readText(isFile ? card.licenseLink : 'LICENSE');
  return { ...card, licenseText };
}

/** The card in a README.md; whatever is missing or cannot be read is left out. */
export function parseModelCard(readme: string): ModelCard {
  const { fields, body } = splitFrontMatter(readme);
  const text = (name: string) => fields.get(name)?.[0];
  const license = text('license')?.toLowerCase();
  const named = text('license_name');
  const known = knownLicenses[(license === 'other' ? named : license)?.toLowerCase() ?? ''];
  const baseModel = fields.get('base_model') ?? [];
  const gatedPrompt = text('extra_gated_prompt');
  const llama = /^(meta-)?llama[\d-]/i.test(named ?? license ?? '') || baseModel.some((name) => /llama/i.test(name));
  return {
    license: license === 'other' && named ? named : license,
    licenseName: known?.name ?? named ?? license,
    licenseLink: text('license_link') ?? known?.link,
    licenseText: gatedPrompt && gatedPrompt.length > 500 ? gatedPrompt : undefined, // shorter ones only point to it
    gated: [...fields.keys()].some((name) => name.startsWith('extra_gated')),
    baseModel,
    attribution: llama || /\bbuilt with (meta )?llama\b/i.test(body) ? 'Built with Llama' : undefined,
  };
}

/**
 * Top-level keys with their values as texts: scalars (plain, quoted, block) and lists (flow, block). What YAML knows
 * beyond that (anchors, maps in values) is not read; such a key has no value.
 */
function splitFrontMatter(readme: string): { fields: Map<string, string[]>; body: string } {
  const match = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/.exec(readme);
  if (!match) return { fields: new Map(), body: readme };
  const lines = match[1]!.split(/\r?\n/);
  const fields = new Map<string, string[]>();
  for (let at = 0; at < lines.length; at++) {
    const [, key, rest] = /^([\w-]+):(?:[ \t]+(.*))?$/.exec(lines[at]!) ?? [];
    if (key === undefined) continue;
    let end = at + 1;
    while (end < lines.length && /^(\s|-(\s|$)|#|$)/.test(lines[end]!)) end++;
    fields.set(key, parseValue(plain(rest ?? ''), lines.slice(at + 1, end)));
    at = end - 1;
  }
  return { fields, body: readme.slice(match[0].length) };
}

function parseValue(first: string, rest: readonly string[]): string[] {
  if (/^[|>][+-]?\d?$/.test(first)) {
    const lines = rest.map((line) => line.trim());
    return [lines.join(first[0] === '|' ? '\n' : ' ').trim()];
  }
  const flow = /^\[(.*)\]$/.exec(first);
  if (flow) return flow[1]!.split(',').map(unquote).filter(Boolean);
  const items = rest.flatMap((line) => /^\s*-\s+(.*)$/.exec(line)?.[1] ?? []).map((item) => unquote(plain(item)));
  if (first === '') return items;
  const continued = rest.map((line) => plain(line.trim())).filter(Boolean);
  return [unquote([first, ...continued].join(' '))];
}

/** Without a comment at the end. */
const plain = (text: string): string => (/^["']/.test(text) ? text : text.replace(/(^|\s)#.*$/, '')).trim();

function unquote(text: string): string {
  const trimmed = text.trim();
  return /^(["']).*\1$/s.test(trimmed) ? trimmed.slice(1, -1) : trimmed;
}
