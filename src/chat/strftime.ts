/** Python's `datetime.strftime` in the C locale, for the dates that chat templates print. */
const monthOf = (date: Date) => date.toLocaleString('en', { month: 'long' });
const dayOf = (date: Date) => date.toLocaleString('en', { weekday: 'long' });
const pad = (value: number, width = 2) => String(value).padStart(width, '0');

const DIRECTIVES: Readonly<Record<string, (date: Date) => string>> = {
  a: (date) => dayOf(date).slice(0, 3),
  A: dayOf,
  b: (date) => monthOf(date).slice(0, 3),
  B: monthOf,
  d: (date) => pad(date.getDate()),
  m: (date) => pad(date.getMonth() + 1),
  y: (date) => pad(date.getFullYear() % 100),
  Y: (date) => pad(date.getFullYear(), 4),
  H: (date) => pad(date.getHours()),
  I: (date) => pad(date.getHours() % 12 || 12),
  M: (date) => pad(date.getMinutes()),
  S: (date) => pad(date.getSeconds()),
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  '%': () => '%',
};

/** Local time. @throws Error for a directive that is not in the table. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%(.?)/gs, (text, directive: string) => {
    const print = DIRECTIVES[directive];
    if (!print) throw new Error(`strftime_now: the directive ${text} is not supported`);
    return print(date);
  });
}
