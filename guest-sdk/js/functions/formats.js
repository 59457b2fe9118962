// Formats of dates: `dd.MM.yyyy`, `d MMM yyyy h:mm a`. One reading of them, for parsing and for printing.

import { dateOf, digits, momentOf, parts } from "./moments.js";

const MONTHS = [
  "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
];
const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const short = (names) => names.map((name) => name.slice(0, 3));

/** A number of a date: how it is read, where it is kept, how it is printed. */
const number = (part, length, show, most = length) => ({
  read: (text) => new RegExp(`^[0-9]{${length},${most}}`).exec(text)?.[0],
  keep: (read, text) => {
    read[part] = Number(text);
  },
  show: (moment) => digits(show(moment), length),
});

/** A name out of a list, in any case. */
const name = (names, keep, show) => ({
  read: (text) => names.find((known) => text.slice(0, known.length).toLowerCase() === known.toLowerCase()),
  keep: (read, text) => keep(read, names.indexOf(text)),
  show: (moment) => names[show(moment)],
});

const month = (names) => name(names, (read, at) => { read.month = at + 1; }, (moment) => moment.month - 1);
const weekday = (names) => name(names, () => {}, (moment) => moment.weekday - 1);
const twelve = (moment) => (moment.hours % 12 === 0 ? 12 : moment.hours % 12);

const FIELDS = {
  yyyy: number("year", 4, (moment) => moment.year),
  yy: {
    ...number("year", 2, (moment) => moment.year % 100),
    keep: (read, text) => {
      read.year = Number(text) + (Number(text) >= 69 ? 1900 : 2000);
    },
  },
  MM: number("month", 2, (moment) => moment.month),
  M: number("month", 1, (moment) => moment.month, 2),
  MMM: month(short(MONTHS)),
  MMMM: month(MONTHS),
  dd: number("day", 2, (moment) => moment.day),
  d: number("day", 1, (moment) => moment.day, 2),
  EEE: weekday(short(DAYS)),
  EEEE: weekday(DAYS),
  HH: number("hours", 2, (moment) => moment.hours),
  H: number("hours", 1, (moment) => moment.hours, 2),
  hh: number("twelve", 2, twelve),
  h: number("twelve", 1, twelve, 2),
  a: name(["AM", "PM"], (read, at) => { read.half = at; }, (moment) => (moment.hours < 12 ? 0 : 1)),
  mm: number("minutes", 2, (moment) => moment.minutes),
  ss: number("seconds", 2, (moment) => moment.seconds),
  SSS: number("millis", 3, (moment) => Math.floor(moment.nanos / 1e6)),
  XXX: {
    read: (text) => /^(?:[Zz]|[+-][0-9]{2}:[0-9]{2})/.exec(text)?.[0],
    keep: (read, text) => {
      read.offset = text;
    },
    show: () => "Z",
  },
};

/** A format that a date can be read with: one with a year, a month and a day. */
export function readDateFormat(format) {
  const pieces = readFormat(format);
  for (const [what, names] of [["year", ["yyyy", "yy"]], ["month", ["MM", "M", "MMM", "MMMM"]], ["day", ["dd", "d"]]]) {
    if (!names.some((name) => pieces.includes(FIELDS[name]))) throw new Error(`the date format \`${format}\` has no ${what}`);
  }
  return pieces;
}

const known = new Map();

/** A format as its pieces: texts, and fields from the table above. */
export function readFormat(format) {
  let pieces = known.get(format);
  if (!pieces) {
    pieces = toPieces(format);
    known.set(format, pieces);
  }
  return pieces;
}

function toPieces(format) {
  const wrong = (problem) => new Error(`the date format \`${format}\` ${problem}`);
  const pieces = [];
  for (const [run] of format.matchAll(/''|'(?:[^']|'')*'?|([A-Za-z])\1*|[^A-Za-z']+/g)) {
    if (run === "''") pieces.push("'");
    else if (run.startsWith("'")) {
      if (!/^'(?:[^']|'')*'$/.test(run)) throw wrong("has an apostrophe without its other half");
      pieces.push(run.slice(1, -1).replaceAll("''", "'"));
    } else if (!/[A-Za-z]/.test(run)) pieces.push(run);
    else if (Object.hasOwn(FIELDS, run)) pieces.push(FIELDS[run]);
    else throw wrong(`has \`${run}\`, which is none of ${Object.keys(FIELDS).join(" ")}`);
  }
  return pieces;
}

/** What a format reads in a text, as a moment; null where it does not fit. */
export function readWith(pieces, text) {
  const read = { minutes: 0, seconds: 0, millis: 0 };
  let rest = text;
  for (const piece of pieces) {
    const found = typeof piece === "string" ? (rest.startsWith(piece) ? piece : undefined) : piece.read(rest);
    if (found === undefined) return null;
    if (typeof piece !== "string") piece.keep(read, found);
    rest = rest.slice(found.length);
  }
  return rest === "" ? toMoment(read) : null;
}

function toMoment(read) {
  if (read.twelve !== undefined) {
    if (read.twelve < 1 || read.twelve > 12) return null;
    read.hours ??= (read.twelve % 12) + 12 * (read.half ?? 0);
  }
  read.hours ??= 0;
  const date = dateOf(read.year ?? 0, read.month ?? 0, read.day ?? 0);
  if (!date || read.hours > 23 || read.minutes > 59 || read.seconds > 59) return null;
  let offset = 0;
  if (read.offset !== undefined && !/^z$/i.test(read.offset)) {
    const [hours, minutes] = [Number(read.offset.slice(1, 3)), Number(read.offset.slice(4))];
    if (hours > 23 || minutes > 59) return null;
    offset = (hours * 60 + minutes) * (read.offset.startsWith("-") ? -60 : 60);
  }
  const seconds = read.hours * 3600 + read.minutes * 60 + read.seconds;
  return { date, moment: momentOf(date.days * 86400 + seconds - offset, read.millis * 1e6) };
}

/** A moment in a format, in UTC. */
export function show(pieces, moment) {
  const all = parts(moment);
  return pieces.map((piece) => (typeof piece === "string" ? piece : piece.show(all))).join("");
}
