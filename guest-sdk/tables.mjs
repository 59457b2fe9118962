// Writes the tables of the JavaScript and the Python functions from the data that all SDKs share:
//   node guest-sdk/tables.mjs
// A component carries its modules and no other files, so the data has to be modules. Tests hold both to the JSON.

import { readFileSync, writeFileSync } from "node:fs";

const here = (path) => new URL(path, import.meta.url);
const read = (name) => JSON.parse(readFileSync(here(name), "utf8"));
const { letters, languages, diacritics } = read("transliteration.json");
const { countries } = read("countries.json");
const rows = countries.map(({ alpha2, alpha3, numeric, name, also = [] }) => [alpha2, alpha3, numeric, name, ...also]);

/** Characters that are Alphabetic in Unicode but no letters by category, as ranges: Python cannot tell them. */
function otherAlphabetic() {
  const ranges = [];
  for (let code = 0; code <= 0x10ffff; code += 1) {
    const letter = String.fromCodePoint(code);
    if (!/\p{Alphabetic}/u.test(letter) || /\p{L}/u.test(letter)) continue;
    const last = ranges.at(-1);
    if (last?.[1] === code - 1) last[1] = code;
    else ranges.push([code, code]);
  }
  return ranges;
}

const json = (value) => JSON.stringify(value);
/** A few entries a line, so that a change can be read. */
const entries = (items, perLine) => {
  const lines = [];
  for (let at = 0; at < items.length; at += perLine) lines.push(`  ${items.slice(at, at + perLine).join(", ")},`);
  return lines.join("\n");
};
const object = (map) => `{\n${entries(Object.entries(map).map(([from, to]) => `${json(from)}: ${json(to)}`), 10)}\n}`;
const nested = (map) => `{\n${Object.entries(map).map(([name, inner]) => `${json(name)}: ${object(inner)},`).join("\n")}\n}`;

writeFileSync(
  here("js/functions/tables.js"),
  `// Written by guest-sdk/tables.mjs from transliteration.json and countries.json; change those.

/** What a letter or a pair of letters is in ASCII. */
export const LETTERS = ${object(letters)};

/** What goes before it in a language. */
export const LANGUAGES = ${nested(languages)};

/** A letter without its diacritics. */
export const DIACRITICS = ${object(diacritics)};

/** Alpha-2, alpha-3 and numeric code, the usual English name, other names. */
export const COUNTRIES = [\n${rows.map((row) => `  ${json(row)},`).join("\n")}\n];
`,
);

writeFileSync(
  here("python/scimwright/functions/_tables.py"),
  `"""Written by guest-sdk/tables.mjs from transliteration.json and countries.json; change those."""

# What a letter or a pair of letters is in ASCII.
LETTERS: dict[str, str] = ${object(letters)}

# What goes before it in a language.
LANGUAGES: dict[str, dict[str, str]] = ${nested(languages)}

# A letter without its diacritics.
DIACRITICS: dict[str, str] = ${object(diacritics)}

# Alpha-2, alpha-3 and numeric code, the usual English name, other names.
COUNTRIES: list[list[str]] = [\n${rows.map((row) => `  ${json(row)},`).join("\n")}\n]

# Alphabetic in Unicode, but no letter by category: first and last of each range.
OTHER_ALPHABETIC: list[tuple[int, int]] = [
${entries(otherAlphabetic().map(([first, last]) => `(${first}, ${last})`), 8)}
]
`,
);
