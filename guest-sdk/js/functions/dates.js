// Reading, printing and reckoning with dates. A date is `YYYY-MM-DD`, a moment RFC 3339 text or a Date.

import { isAbsent, ofText, ofValue, trimBlanks, asText } from "./base.js";
import { readDateFormat, readFormat, readWith, show } from "./formats.js";
import { addMonths, compare, dateOfDays, momentOf, parse, parts, print, unixSeconds } from "./moments.js";

/** The date, read by the first of the formats that fits. */
export const parseDate = ofText("parseDate", (text, ...formats) => {
  const found = firstThatFits(text, formats.length > 0 ? formats : ["yyyy-MM-dd"]);
  return found ? print(found.date) : null;
});

/** The moment, read by the first of the formats that fits, in UTC. */
export const parseDateTime = ofText("parseDateTime", (text, ...formats) => {
  if (formats.length > 0) return print(firstThatFits(text, formats)?.moment ?? null);
  const moment = parse(text);
  return moment && print({ ...moment, isDate: false });
});

function firstThatFits(text, formats) {
  // Every format is checked, also behind one that fits.
  const read = formats.map(readDateFormat);
  const trimmed = trimBlanks(text);
  for (const pieces of read) {
    const found = readWith(pieces, trimmed);
    if (found) return found;
  }
  return null;
}

export const formatDate = ofText("formatDate", (text, format) => {
  const pieces = readFormat(format);
  const moment = parse(text);
  return moment && show(pieces, moment);
});

const MONTHS = { years: 12, months: 1 };
const SECONDS = { weeks: 604800, days: 86400, hours: 3600, minutes: 60, seconds: 1 };

function checkUnit(unit) {
  if (Object.hasOwn(MONTHS, unit) || Object.hasOwn(SECONDS, unit)) return;
  const all = [...Object.keys(MONTHS), ...Object.keys(SECONDS)].join(", ");
  throw new Error(`\`${unit}\` is no unit of time; there are ${all}`);
}

/** The date or moment so much later, earlier where the amount is negative. */
export const dateAdd = ofText("dateAdd", (text, amount, unit) => {
  checkUnit(unit);
  const moment = parse(text);
  if (!moment) return null;
  if (Object.hasOwn(MONTHS, unit)) return print(addMonths(moment, amount * MONTHS[unit]));
  if (SECONDS[unit] >= 86400) {
    const later = dateOfDays(moment.days + (amount * SECONDS[unit]) / 86400);
    return print(later && { ...moment, days: later.days });
  }
  return print(momentOf(unixSeconds(moment) + amount * SECONDS[unit], moment.nanos));
});

/** How many whole units lie between two dates or moments, rounded towards 0. */
export const dateDiff = ofText("dateDiff", (from, to, unit) => {
  checkUnit(unit);
  const [start, end] = both(from, to);
  if (!start) return null;
  if (Object.hasOwn(MONTHS, unit)) return Math.trunc(months(start, end) / MONTHS[unit]) || 0;
  // Seconds are whole once the rest of one has been taken off towards 0.
  let seconds = unixSeconds(end) - unixSeconds(start);
  if (seconds > 0 && end.nanos < start.nanos) seconds -= 1;
  if (seconds < 0 && end.nanos > start.nanos) seconds += 1;
  return Math.trunc(seconds / SECONDS[unit]) || 0;
});

/** The greatest number of months by which `start` moved does not pass `end`. */
function months(start, end) {
  const [a, b] = [parts(start), parts(end)];
  let count = (b.year - a.year) * 12 + b.month - a.month;
  const sign = Math.sign(compare(end, start));
  const passes = () => {
    const moved = addMonths(start, count);
    return moved === null || compare(moved, end) * sign > 0;
  };
  while (count !== 0 && passes()) count -= sign;
  return count;
}

/** Both as moments, or nothing where one of them is none. */
function both(one, other) {
  const [first, second] = [parse(one), isAbsent(other) ? null : parse(asText(other, "dateDiff"))];
  return first && second ? [first, second] : [];
}

export const isBefore = ofText("isBefore", (text, other) => {
  const [one, two] = both(text, other);
  return one ? compare(one, two) < 0 : null;
});

export const isAfter = ofText("isAfter", (text, other) => {
  const [one, two] = both(text, other);
  return one ? compare(one, two) > 0 : null;
});

/** From 1 for Monday to 7 for Sunday, in UTC. */
export const weekday = ofText("weekday", (text) => {
  const moment = parse(text);
  return moment && parts(moment).weekday;
});

// Hundreds of nanoseconds from 1601 to 1970.
const FILETIME_OF_1970 = 116444736000000000n;
const NEVER = 9223372036854775807n;

/** The moment of a Windows file time; 0 and the greatest mean never. */
export const dateFromFiletime = ofText("dateFromFiletime", (text) => {
  const trimmed = trimBlanks(text);
  if (!/^[0-9]{1,19}$/.test(trimmed)) return null;
  const filetime = BigInt(trimmed);
  if (filetime === 0n || filetime >= NEVER) return null;
  const since = filetime - FILETIME_OF_1970;
  const ticks = ((since % 10000000n) + 10000000n) % 10000000n;
  return print(momentOf(Number((since - ticks) / 10000000n), Number(ticks) * 100));
});

export const filetimeFromDate = ofText("filetimeFromDate", (text) => {
  const moment = parse(text);
  if (!moment) return null;
  const filetime = BigInt(unixSeconds(moment)) * 10000000n + BigInt(Math.floor(moment.nanos / 100)) + FILETIME_OF_1970;
  return filetime < 0n ? null : String(filetime);
});

export const dateFromUnix = ofValue("dateFromUnix", (seconds) => print(momentOf(Math.floor(Number(seconds)))));

export const unixFromDate = ofText("unixFromDate", (text) => {
  const moment = parse(text);
  return moment && unixSeconds(moment);
});

/** The date of a day number of a spreadsheet; up to 60 they count a 29 February 1900 that never was. */
export const dateFromExcel = ofValue("dateFromExcel", (number) => {
  const days = Math.floor(Number(number));
  return days >= 61 && days <= 2958465 ? print(dateOfDays(days - 25569)) : null;
});
