// Upper and lower case, by the Unicode rules for no language in particular.

import { codePoints, ofText } from "./base.js";

const LETTER = /^\p{Alphabetic}$/u;
const MARK = /^[\u0300-\u036f]$/;
const APOSTROPHE = /^['’]$/;

export const isLetter = (letter) => letter !== undefined && LETTER.test(letter);
export const isMark = (letter) => letter !== undefined && MARK.test(letter);
export const isApostrophe = (letter) => letter !== undefined && APOSTROPHE.test(letter);

export const lower = ofText("lower", (text) => text.toLowerCase());
export const upper = ofText("upper", (text) => text.toUpperCase());

export const capitalize = ofText("capitalize", (text) => {
  const [first = "", ...rest] = codePoints(text.toLowerCase());
  return first.toUpperCase() + rest.join("");
});

/** Each word with a capital first and small letters behind: `O'Neil`, `D’Arcy`, but `it's`. */
export const titleCase = ofText("titleCase", (text) => {
  const letters = codePoints(text.toLowerCase());
  return letters.map((letter, at) => (isLetter(letter) && startsWord(letters, at) ? letter.toUpperCase() : letter)).join("");
});

function startsWord(letters, at) {
  const before = letters[at - 1];
  if (before === undefined) return true;
  if (isLetter(before) || isMark(before) || /^[0-9]$/.test(before)) return false;
  if (!isApostrophe(before)) return true;
  const inside = (letter) => isLetter(letter) || isMark(letter);
  if (!inside(letters[at - 2])) return true;
  // `O'Neil`: one letter of the word before the apostrophe, and two or more behind it.
  let start = at - 2;
  while (start > 0 && (inside(letters[start - 1]) || /^[0-9]$/.test(letters[start - 1]))) start -= 1;
  const lettersBefore = letters.slice(start, at - 1).filter((letter) => !isMark(letter)).length;
  const lettersBehind = [];
  for (let next = at; inside(letters[next]); next += 1) if (isLetter(letters[next])) lettersBehind.push(letters[next]);
  return lettersBefore === 1 && !(start > 0 && isApostrophe(letters[start - 1])) && lettersBehind.length >= 2;
}
