// Letters without their diacritics, and in ASCII.

import { codePoints, isAbsent, ofText } from "./base.js";
import { DIACRITICS, LANGUAGES, LETTERS } from "./tables.js";
import { isMark } from "./case.js";

const LATIN_OR_GREEK = /^[A-Za-z\u00c0-\u024f\u0370-\u03ff\u1e00-\u1fff]$/;

/** Latin and Greek letters without their diacritics; everything else as it is. */
export const normalizeDiacritics = ofText("normalizeDiacritics", (text) => {
  let plain = "";
  let base = "";
  for (const letter of text) {
    if (isMark(letter)) {
      if (!LATIN_OR_GREEK.test(base)) plain += letter;
      continue;
    }
    base = letter;
    plain += DIACRITICS[letter] ?? letter;
  }
  return plain;
});

/** The text in ASCII; what has no plain form is left out. */
export const toAscii = ofText("toAscii", (text, language = null) => {
  const own = isAbsent(language) ? undefined : LANGUAGES[language.split(/[-_]/)[0].toLowerCase()];
  const ascii = (key) => own?.[key] ?? LETTERS[key];
  const letters = codePoints(text);
  let plain = "";
  for (let at = 0; at < letters.length; at += 1) {
    const pair = at + 1 < letters.length ? ascii(letters[at] + letters[at + 1]) : undefined;
    if (pair !== undefined) {
      plain += pair;
      at += 1;
    } else {
      plain += ascii(letters[at]) ?? (letters[at] <= "\u007f" ? letters[at] : "");
    }
  }
  return plain;
});

/** Plain lower-case letters and digits with hyphens between words. */
export const slug = ofText("slug", (text) => toAscii(text).toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, ""));
