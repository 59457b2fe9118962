// What the record's fields and the functions have in common: white space, numbers and moments as text.

// White space, control characters, and what spreadsheets and web forms leave behind: zero-width spaces, byte
// order marks. The same set in every SDK.
export const BLANKS =
  "\\u0000-\\u0020\\u007f-\\u00a0\\u1680\\u2000-\\u200b\\u2028\\u2029\\u202f\\u205f\\u2060\\u3000\\ufeff";
const ENDS = new RegExp(`^[${BLANKS}]+|[${BLANKS}]+$`, "g");

export const trimBlanks = (text) => text.replace(ENDS, "");

/** The text without blank characters at its ends; null where nothing is left. */
export const present = (text) => trimBlanks(text) || null;

/** A number as text without an exponent. */
export function numberText(number) {
  const text = String(number);
  const parts = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!parts) return text;
  const [, sign, first, rest = "", exponent] = parts;
  const digits = first + rest;
  const point = 1 + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return sign + (digits.length <= point ? digits.padEnd(point, "0") : `${digits.slice(0, point)}.${digits.slice(point)}`);
}

/** The text that a date was read from, while the date is as it was: passing a moment on does not change it. */
const texts = new WeakMap();

/** A moment as the text that it was read from, else in UTC without needless zeros. */
export function momentText(date) {
  const read = texts.get(date);
  if (read && read.time === date.getTime()) return read.text;
  return date.toISOString().replace(".000Z", "Z");
}

/** RFC 3339 text as a Date; undefined where JavaScript cannot hold it. */
export function toDate(text) {
  const time = Date.parse(text.replace(/^(\d{4}-\d\d-\d\d)[ t]/, "$1T").replace(/z$/, "Z"));
  if (Number.isNaN(time)) return undefined;
  const date = new Date(time);
  texts.set(date, { text, time });
  return date;
}
