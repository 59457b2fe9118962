// Names of people, and login names made of them.

import { SPACES, asText, codePoints, isAbsent, ofText, ofValue } from "./base.js";
import { isApostrophe, isLetter, isMark } from "./case.js";
import { toAscii } from "./letters.js";

const SPACE = new RegExp(`^[${SPACES}]$`);
const INVISIBLE = /^[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]$/;
// Emoji with their modifiers, arrows, dingbats and other pictures; private use; the replacement character.
const SYMBOL =
  /^[\u20d0-\u20ff\u2190-\u2bff\ue000-\uf8ff\ufe00-\ufe0f\ufffc\ufffd\u{1f000}-\u{1faff}\u{e0000}-\u{10ffff}]$/u;
const EAST_ASIAN =
  /[\u3005\u3006\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}\u1100-\u11ff\uac00-\ud7af]/u;

// Most names have nothing to clean, and a test of the whole is far cheaper than a walk through it.
const CLEAN = /^[!-~\u00a1-\u02ff]+(?: [!-~\u00a1-\u02ff]+)*$/;

/** A name with one plain space between words, and without what forms and spreadsheets leave behind. */
export const cleanName = ofText("cleanName", (text) => {
  if (CLEAN.test(text)) return text;
  let clean = "";
  let gap = false;
  let dropped = false;
  for (const letter of text) {
    const isSpace = SPACE.test(letter);
    if (isSpace || INVISIBLE.test(letter)) {
      gap ||= isSpace;
      continue;
    }
    // A joiner belongs to the letter before it (Sinhala, Malayalam); behind a symbol it is part of an emoji.
    if (SYMBOL.test(letter) || (letter === "\u200d" && (dropped || clean === ""))) {
      dropped = true;
      continue;
    }
    dropped = false;
    if (gap && clean !== "") clean += " ";
    gap = false;
    clean += letter;
  }
  return clean;
});

/** Whether a full name is written family name first: both are in Han, kana or Hangul. */
export const familyNameFirst = ofText("familyNameFirst", (given, family) => {
  const eastAsian = (name) => {
    if (!EAST_ASIAN.test(name)) return false;
    const letters = codePoints(name).filter(isLetter);
    return letters.length > 0 && letters.every((letter) => EAST_ASIAN.test(letter));
  };
  return !isAbsent(family) && eastAsian(given) && eastAsian(asText(family, "familyNameFirst"));
});

/** Both names in the order of their script; one that is absent or empty is left out. */
export function fullName(given, family) {
  const [first, last] = [given, family].map((name) => (isAbsent(name) ? "" : asText(name, "fullName")));
  if (first === "" || last === "") return first + last;
  return familyNameFirst(first, last) ? last + first : `${first} ${last}`;
}

/** The first letter of each word, in upper case. */
export const initials = ofText("initials", (text) => {
  let letters = "";
  let found = false;
  for (const letter of text) {
    if (isLetter(letter)) {
      if (!found) letters += letter.toUpperCase();
      found = true;
    } else if (!isApostrophe(letter) && !isMark(letter)) {
      found = false;
    }
  }
  return letters;
});

const MOST = 1000;

/** Login names to try in turn, built from the parts of a name: `{given:1}.{family}{n}@example.com`. */
export const userNameCandidates = ofValue("userNameCandidates", (patterns, parts, count) => {
  const plain = Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, plainPart(value)]));
  const readers = Array.from(patterns, (pattern) => readPattern(pattern, plain));
  const wanted = Math.min(count, MOST);
  const candidates = new Set();
  for (const { pieces, numbered } of readers) {
    const last = numbered ? MOST * 2 : 2;
    for (let number = 2; number <= last && candidates.size < wanted; number += 1) {
      const candidate = build(pieces, number);
      if (candidate === undefined) break;
      candidates.add(candidate);
    }
  }
  return [...candidates];
});

function plainPart(value) {
  if (isAbsent(value)) return "";
  return toAscii(asText(value, "userNameCandidates")).toLowerCase().replace(/[^a-z0-9-]/g, "").replace(/^-+|-+$/g, "");
}

/** A pattern as pieces: text, `{ part }` with its value, `{ number: true }`. */
function readPattern(pattern, parts) {
  const wrong = (problem) => new Error(`the pattern \`${pattern}\` ${problem}`);
  const pieces = [];
  for (const piece of pattern.split(/(\{[^{}]*\})/)) {
    if (!piece.startsWith("{") || !piece.endsWith("}")) {
      if (/[{}]/.test(piece)) throw wrong("has a brace without its other half");
      if (piece !== "") pieces.push(piece.toLowerCase());
    } else if (piece === "{n}" && !Object.hasOwn(parts, "n")) {
      pieces.push({ number: true });
    } else {
      const [name, length, ...rest] = piece.slice(1, -1).split(":");
      if (!Object.hasOwn(parts, name)) throw wrong(`names \`${name}\`, which is none of the parts`);
      if (rest.length > 0 || (length !== undefined && !/^\d+$/.test(length))) throw wrong(`has a length that is no number in \`${piece}\``);
      pieces.push({ part: length === undefined ? parts[name] : parts[name].slice(0, Number(length)) });
    }
  }
  return { pieces, numbered: pieces.some((piece) => piece.number) };
}

function build(pieces, number) {
  const values = pieces.filter((piece) => piece.part !== undefined);
  if (values.length > 0 && values.every((piece) => piece.part === "")) return undefined;
  const text = pieces.map((piece) => (typeof piece === "string" ? piece : piece.part ?? String(number))).join("");
  const at = text.indexOf("@");
  const local = at < 0 ? text : text.slice(0, at);
  const tidy = local.replace(/([._-])[._-]+/g, "$1").replace(/^[._-]+|[._-]+$/g, "");
  return tidy === "" ? undefined : tidy + (at < 0 ? "" : text.slice(at));
}
