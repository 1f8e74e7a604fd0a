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
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9\\-]{0,38}[a-zA-Z0-9])?';
const HOSTNAME = `${LABEL}(?:\\.${LABEL}){0,3}`;
const BYTE = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const GROUP = '[0-9a-fA-F]{1,4}';

export const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  'date-time': `${DATE}T${TIME}`,
  duration: `P(?:${DURATION_DATE}(?:${DURATION_TIME})?|${DURATION_TIME}|${COUNT}W)`,
  email: `[a-zA-Z0-9_+\\-]{1,20}(?:\\.[a-zA-Z0-9_+\\-]{1,20}){0,2}@${LABEL}(?:\\.${LABEL}){1,2}`,
  hostname: HOSTNAME,
  ipv4: `${BYTE}(?:\\.${BYTE}){3}`,
  ipv6: `${GROUP}(?::${GROUP}){7}`,
  uuid: '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}',
};
