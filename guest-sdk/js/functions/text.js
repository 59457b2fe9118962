// Cutting, joining and comparing text. Text is counted in code points: an emoji is one.

import { BLANKS, asText, codePoints, isAbsent, ofText, trimBlanks } from "./base.js";
import { isPresent } from "./choose.js";

const BLANK_RUNS = new RegExp(`[${BLANKS}]+`, "g");
const BLANK = new RegExp(`[${BLANKS}]`);

export const append = ofText("append", (text, suffix) => text + (isAbsent(suffix) ? "" : asText(suffix, "append")));

/** The parts that are not blank, joined; a part that is a list stands for its values. */
export const join = ofText("join", (separator, ...parts) =>
  parts.flat().filter(isPresent).map((part) => asText(part, "join")).join(separator),
);

export const split = ofText("split", (text, separator) => {
  if (text === "") return [];
  return separator === "" ? [text] : text.split(separator);
});

export const splitList = ofText("splitList", (text) => text.split(/[;,|\r\n]/).map(trimBlanks).filter((part) => part !== ""));

export const replace = ofText("replace", (text, find, replacement) =>
  find === "" ? text : text.split(find).join(isAbsent(replacement) ? "" : asText(replacement, "replace")),
);

export const trim = ofText("trim", trimBlanks);

export const stripSpaces = ofText("stripSpaces", (text) => text.replace(BLANK_RUNS, ""));

export const collapseSpaces = ofText("collapseSpaces", (text) => trimBlanks(text).replace(BLANK_RUNS, " "));

export const length = ofText("length", (text) => codePoints(text).length);

export const left = ofText("left", (text, count) => codePoints(text).slice(0, Math.max(0, count)).join(""));

export const right = ofText("right", (text, count) => (count > 0 ? codePoints(text).slice(-count).join("") : ""));

export const mid = ofText("mid", (text, start, count) => {
  const from = Math.max(1, start) - 1;
  return codePoints(text).slice(from, from + Math.max(0, count)).join("");
});

export const substring = ofText("substring", (text, start, end) =>
  codePoints(text).slice(Math.max(0, start), isAbsent(end) ? undefined : Math.max(0, end)).join(""),
);

export const indexOf = ofText("indexOf", (text, find) => {
  const at = text.indexOf(find);
  return at < 0 ? null : codePoints(text.slice(0, at)).length;
});

export const contains = ofText("contains", (text, find) => text.includes(find));
export const startsWith = ofText("startsWith", (text, start) => text.startsWith(start));
export const endsWith = ofText("endsWith", (text, end) => text.endsWith(end));

export const equalsIgnoreCase = ofText("equalsIgnoreCase", (text, other) =>
  !isAbsent(other) && text.toLowerCase() === asText(other, "equalsIgnoreCase").toLowerCase(),
);

/** The word with this number, from 1; `delimiters` is a text of single characters. */
export const word = ofText("word", (text, number, delimiters = null) => {
  const separates = isAbsent(delimiters)
    ? (letter) => BLANK.test(letter)
    : (letter) => codePoints(delimiters).includes(letter);
  const words = [];
  let inside = false;
  for (const letter of text) {
    if (separates(letter)) inside = false;
    else if (inside) words[words.length - 1] += letter;
    else {
      words.push(letter);
      inside = true;
    }
  }
  return number >= 1 ? words[number - 1] ?? null : null;
});

export const before = ofText("before", (text, mark) => {
  const at = text.indexOf(mark);
  return at < 0 ? null : text.slice(0, at);
});

export const after = ofText("after", (text, mark) => {
  const at = text.indexOf(mark);
  return at < 0 ? null : text.slice(at + mark.length);
});

export const padLeft = ofText("padLeft", (text, length, fill) => {
  const missing = length - codePoints(text).length;
  const letters = codePoints(fill);
  if (missing <= 0 || letters.length === 0) return text;
  return Array.from({ length: missing }, (_, at) => letters[at % letters.length]).join("") + text;
});

export const onlyDigits = ofText("onlyDigits", (text) => text.replace(/[^0-9]/g, ""));

export const removeCharacters = ofText("removeCharacters", (text, characters) => {
  const unwanted = new Set(characters);
  return codePoints(text).filter((letter) => !unwanted.has(letter)).join("");
});

/** `*` for all but the last code points, and for all where nothing would be hidden. */
export const mask = ofText("mask", (text, keep = 0) => {
  const letters = codePoints(text);
  const shown = keep > 0 && keep < letters.length ? keep : 0;
  return letters.map((letter, at) => (at < letters.length - shown ? "*" : letter)).join("");
});

export const redact = ofText("redact", (text) => (isPresent(text) ? "[redacted]" : text));
