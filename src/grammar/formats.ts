/**
 * Values of `format` that are enforced, as patterns of whole texts. Each describes texts that are valid by its standard; where
 * the standard allows more ways to write the same (RFC 3339's lower-case letters, leap seconds, compressed IPv6), only one is written.
 */
const YEARS = '[0-9]{4}';
/** A year that is divisible by 4, but by 100 only where by 400. */
const LEAP_YEARS = '(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)';
const DATE =
  `(?:${YEARS}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)` +
  `|02-(?:0[1-9]|1[0-9]|2[0-8]))|${LEAP_YEARS}-02-29)`;
const HOUR = '(?:[01][0-9]|2[0-3])';
const TIME = `${HOUR}:[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+\\-]${HOUR}:[0-5][0-9])`;
const COUNT = '[0-9]{1,6}';
const DURATION_TIME = `T(?:${COUNT}H(?:${COUNT}M(?:${COUNT}S)?)?|${COUNT}M(?:${COUNT}S)?|${COUNT}S)`;
const DURATION_DATE = `(?:${COUNT}D|${COUNT}M(?:${COUNT}D)?|${COUNT}Y(?:${COUNT}M(?:${COUNT}D)?)?)`;
/** Labels of up to 40 letters: a name of four stays below the limit of 253. */
const LABEL_LETTERS = 40;
/** Of each of up to three words before the @. */
const WORD_LETTERS = 20;
const label = (letters: number) => `[a-zA-Z0-9](?:[a-zA-Z0-9\\-]{0,${letters - 2}}[a-zA-Z0-9])?`;
const hostname = (letters: number) => `${label(letters)}(?:\\.${label(letters)}){0,3}`;
const word = (letters: number) => `[a-zA-Z0-9_+\\-]{1,${letters}}`;
const email = (letters: number) => {
  const own = word(Math.min(letters, WORD_LETTERS));
  return `${own}(?:\\.${own}){0,2}@${label(letters)}(?:\\.${label(letters)}){1,2}`;
};
const BYTE = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const GROUP = '[0-9a-fA-F]{1,4}';

export const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  'date-time': `${DATE}T${TIME}`,
  duration: `P(?:${DURATION_DATE}(?:${DURATION_TIME})?|${DURATION_TIME}|${COUNT}W)`,
  email: email(LABEL_LETTERS),
  hostname: hostname(LABEL_LETTERS),
  ipv4: `${BYTE}(?:\\.${BYTE}){3}`,
  ipv6: `${GROUP}(?::${GROUP}){7}`,
  uuid: '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}',
};

/**
 * The texts of a format in which none is longer than `max` code points, with shorter words where that needs it: counting the
 * letters of any words would take an automaton of a state for each state of the format and each count.
 * @returns undefined for formats that are short enough to be counted, and where `max` leaves no room for words
 */
export function formatWithin(format: string, max: number): string | undefined {
  if (format !== 'email' && format !== 'hostname') return undefined;
  const [pattern, words, signs] = format === 'email' ? [email, 6, 5] : [hostname, 4, 3];
  const letters = Math.min(LABEL_LETTERS, Math.floor((max - signs) / words));
  return letters < 2 ? undefined : pattern(letters);
}
