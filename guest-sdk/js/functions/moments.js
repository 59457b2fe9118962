// Dates and moments as whole numbers: days since 1970, seconds of the day, nanoseconds. Without the engine's Date,
// which knows milliseconds only and reads texts as it likes.

import { trimSpaces } from "./base.js";

const MOMENT = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const DAY = 86400;

/** A date (`YYYY-MM-DD`, where `isDate`) or a moment; null where the text is neither. */
export function parse(text) {
  const trimmed = trimSpaces(text);
  const date = /^(\d{4})-(\d\d)-(\d\d)$/.exec(trimmed);
  if (date) return dateOf(...date.slice(1).map(Number));
  const found = MOMENT.exec(trimmed);
  const day = found && parse(found[1]);
  if (!day) return null;
  const [hours, minutes, seconds] = found.slice(2, 5).map(Number);
  const [offsetHours, offsetMinutes] = [Number(found[7] ?? 0), Number(found[8] ?? 0)];
  // RFC 3339 §5.7: a leap second is :60.
  if (hours > 23 || minutes > 59 || seconds > 60 || offsetHours > 23 || offsetMinutes > 59) return null;
  const offset = (offsetHours * 60 + offsetMinutes) * (found[6] === "-" ? -60 : 60);
  const nanos = Number((found[5] ?? "").padEnd(9, "0"));
  return momentOf(day.days * DAY + hours * 3600 + minutes * 60 + seconds - offset, nanos);
}

/** A date of the calendar; null where there is no such day. */
export function dateOf(year, month, day) {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month)) return null;
  return { isDate: true, days: daysOf(year, month, day), seconds: 0, nanos: 0 };
}

const FIRST = daysOf(1, 1, 1);
const LAST = daysOf(9999, 12, 31);

/** The moment of so many seconds since 1970; null outside the years 0001 to 9999. */
export function momentOf(seconds, nanos = 0) {
  const days = Math.floor(seconds / DAY);
  if (!(days >= FIRST && days <= LAST)) return null;
  return { isDate: false, days, seconds: seconds - days * DAY, nanos };
}

/** The date of so many days since 1970; null outside the years 0001 to 9999. */
export function dateOfDays(days) {
  return days >= FIRST && days <= LAST ? { isDate: true, days, seconds: 0, nanos: 0 } : null;
}

export const unixSeconds = ({ days, seconds }) => days * DAY + seconds;

/** Less than 0, 0 or more than 0, as the one is earlier, the same or later. */
export const compare = (one, other) => one.days - other.days || one.seconds - other.seconds || one.nanos - other.nanos;

/** A date as `YYYY-MM-DD`, a moment as `YYYY-MM-DDTHH:MM:SSZ`, with a fraction only where it is not 0. */
export function print(moment) {
  if (moment === null) return null;
  const { year, month, day, hours, minutes, seconds } = parts(moment);
  const date = `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
  if (moment.isDate) return date;
  const fraction = moment.nanos === 0 ? "" : `.${digits(moment.nanos, 9).replace(/0+$/, "")}`;
  return `${date}T${digits(hours, 2)}:${digits(minutes, 2)}:${digits(seconds, 2)}${fraction}Z`;
}

export const digits = (number, length) => String(number).padStart(length, "0");

export function parts({ days, seconds, nanos }) {
  return {
    ...civil(days),
    hours: Math.floor(seconds / 3600),
    minutes: Math.floor(seconds / 60) % 60,
    seconds: seconds % 60,
    nanos,
    weekday: ((((days + 3) % 7) + 7) % 7) + 1,
  };
}

/** So many months later, on the same day or the month's last; null outside the years 0001 to 9999. */
export function addMonths(moment, months) {
  const { year, month, day } = civil(moment.days);
  const total = year * 12 + month - 1 + months;
  const [toYear, toMonth] = [Math.floor(total / 12), (((total % 12) + 12) % 12) + 1];
  if (!(toYear >= 1 && toYear <= 9999)) return null;
  return { ...moment, days: daysOf(toYear, toMonth, Math.min(day, daysOfMonth(toYear, toMonth))) };
}

export function daysOfMonth(year, month) {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
}

// Years begin in March here, so that the leap day is the last of one; an era is 400 years, 146097 days.
function daysOf(year, month, day) {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return era * 146097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719468;
}

function civil(days) {
  const shifted = days + 719468;
  const era = Math.floor(shifted / 146097);
  const dayOfEra = shifted - era * 146097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}
