/** Grammars that people write in xgrammar's EBNF. */
import { complementRanges, type Ranges, unite } from './code-points.ts';
import { classText } from './rules.ts';

/** Comments and strings, which stay as they are, and classes of characters. */
const PARTS = /#[^\n]*|"(?:\\.|[^"\\\n])*"|\[(\^?)((?:\\.|[^\]\\])*)\]/gsu;
const MEMBER = /\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\(.)|(.)/gsu;
const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, f: 12, v: 11, a: 7, e: 27, 0: 0 };

/** Writes classes with characters beyond ASCII as bytes, which xgrammar 0.1.27 reads rightly, while it misreads those. */
export function writeOutClasses(grammar: string): string {
  return grammar.replace(PARTS, (part: string, negation: string | undefined, members: string | undefined) => {
    if (members === undefined) return part;
    const ranges = membersOf(members);
    if (ranges.every(([, last]) => last < 0x80)) return part;
    return classText(negation ? complementRanges(ranges) : unite(ranges));
  });
}

function membersOf(members: string): Ranges {
  const codes: { readonly code: number; readonly isDash: boolean }[] = [];
  for (const [text, short, long, longest, letter] of members.matchAll(MEMBER)) {
    const hex = short ?? long ?? longest;
    const escaped = letter === undefined ? undefined : (CONTROLS[letter] ?? letter.codePointAt(0)!);
    const code = hex === undefined ? (escaped ?? text.codePointAt(0)!) : Number.parseInt(hex, 16);
    codes.push({ code, isDash: text === '-' });
  }
  const ranges: [number, number][] = [];
  for (let index = 0; index < codes.length; index++) {
    const { code } = codes[index]!;
    const isRange = codes[index + 1]?.isDash && index + 2 < codes.length;
    ranges.push([code, isRange ? codes[index + 2]!.code : code]);
    if (isRange) index += 2;
  }
  return ranges;
}
