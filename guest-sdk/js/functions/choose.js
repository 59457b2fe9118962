// Choosing between values, and lists of them.

import { asText, isAbsent, ofValue, trimBlanks } from "./base.js";

/** Whether a value is absent, or a text with nothing but blank characters, or a list of such. */
export function isBlank(value) {
  if (isAbsent(value)) return true;
  if (Array.isArray(value)) return value.every(isBlank);
  return typeof value === "string" && trimBlanks(value) === "";
}

export const isPresent = (value) => !isBlank(value);

/** The first value that is not blank. */
export function coalesce(...values) {
  return values.find(isPresent) ?? null;
}

/** The result that stands beside the value in `cases`; `otherwise` when none does. */
export function choose(value, cases, otherwise = null) {
  if (isAbsent(value)) return otherwise;
  const plain = (text) => trimBlanks(asText(text, "choose")).toLowerCase();
  const wanted = plain(value);
  const found = Object.entries(cases).find(([key]) => plain(key) === wanted);
  return found ? found[1] : otherwise;
}

export const distinct = ofValue("distinct", (list) => [...new Set(list)]);

export const compact = ofValue("compact", (list) => Array.from(list).filter(isPresent));

/** How many values are not blank; absent counts as an empty list. */
export const count = (list) => (isAbsent(list) ? 0 : compact(list).length);

export const item = ofValue("item", (list, number) => (number >= 1 ? list[number - 1] ?? null : null));

export const first = ofValue("first", (list) => Array.from(list).find(isPresent) ?? null);

export const firstFree = ofValue("firstFree", (candidates, taken) => {
  const used = new Set(Array.from(taken ?? [], (name) => name.toLowerCase()));
  return candidates.find((name) => !used.has(name.toLowerCase())) ?? null;
});
