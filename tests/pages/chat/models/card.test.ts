import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseModelCard, readModelCard } from '../../../../src/pages/chat/models/card.ts';
import { embeddedCard } from '../../../../src/pages/chat/models/cards.ts';

/** A folder in memory that counts what is asked for. */
function folder(files: Record<string, string>) {
  const asked: string[] = [];
  const readText = async (path: string) => {
    asked.push(path);
    return files[path];
  };
  return { asked, readText };
}

describe('a model card', () => {
  it('of a gated Llama names the licence, its text and what has to be shown', () => {
    const card = parseModelCard(
      [
        '---',
        'library_name: transformers',
        'language:',
        '- ar',
        '- en',
        'base_model:',
        '- meta-llama/Llama-4-Scout-17B-16E # the base',
        'tags: [facebook, "llama-4"]',
        'extra_gated_prompt: >-',
        `    **LICENSE AGREEMENT**${' words'.repeat(100)}`,
        '',
        '    "Agreement" means: the terms',
        'extra_gated_fields:',
        '  First Name: text',
        '  license: checkbox',
        'license: other',
        'license_name: llama4',
        '---',
        '# Scout',
      ].join('\r\n'),
    );
    expect(card).toMatchObject({
      license: 'llama4',
      licenseName: 'Llama 4 Community License',
      licenseLink: 'https://www.llama.com/llama4/license/',
      gated: true,
      baseModel: ['meta-llama/Llama-4-Scout-17B-16E'],
      attribution: 'Built with Llama',
    });
    expect(card.licenseText).toMatch(/^\*\*LICENSE AGREEMENT.*"Agreement" means: the terms$/);
  });

  it('of the embedded model is MIT and built with Llama', () => {
    const readme = readFileSync(
      new URL('../../../../public/models/llama-scoutling/README.md', import.meta.url),
      'utf8',
    );
    expect(parseModelCard(readme)).toMatchObject({ ...embeddedCard, gated: false });
    expect(embeddedCard).toMatchObject({ licenseName: 'MIT licence', attribution: 'Built with Llama' });
  });

  it.each([
    ['', undefined],
    ['# No front matter\nlicense: mit', undefined],
    ['---\nlicense: "apache-2.0"\n---', 'Apache License 2.0'],
    ["---\nlicense: 'unheard-of'\n---\n", 'unheard-of'],
    ['---\nlicense:\n- mit\n---\n', 'MIT licence'],
    ['---\nlicense: other\nlicense_name: my-own\nlicense_link: LICENSE.md\n---\n', 'my-own'],
  ])('in whatever form it comes: %j is %s', (readme, name) => {
    expect(parseModelCard(readme).licenseName).toBe(name);
  });

  it('is read from any text without failing', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '---',
        'license: mit',
        'base_model:',
        '- a/llama',
        'extra_gated_prompt: |',
        '\t- x',
        'tags: [',
        '"',
      ),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const { baseModel, gated } = parseModelCard(['---', ...lines, '---', ...lines].join('\n'));
        expect([Array.isArray(baseModel), typeof gated]).toEqual([true, 'boolean']);
      }),
    );
  });

  it('takes the licence from the file that it names, and asks for no more than that', async () => {
    const named = folder({ 'README.md': '---\nlicense_link: LICENSE.txt\n---', 'LICENSE.txt': 'Do.' });
    expect((await readModelCard(named.readText)).licenseText).toBe('Do.');
    expect(named.asked).toEqual(['README.md', 'LICENSE.txt']);
    const bare = folder({});
    expect(await readModelCard(bare.readText)).toMatchObject({ gated: false, baseModel: [] });
    expect(bare.asked).toEqual(['README.md', 'LICENSE']);
  });
});
