// What all functions share: absent in, absent out; and what counts as blank.

import { BLANKS, momentText, numberText, trimBlanks } from "../values.js";

export { BLANKS, trimBlanks };

/** White space as Unicode has it, for functions that trim no more than that. */
export const SPACES = "\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const SPACES_AT_ENDS = new RegExp(`^[${SPACES}]+|[${SPACES}]+$`, "g");

export const trimSpaces = (text) => text.replace(SPACES_AT_ENDS, "");

/** Null and undefined are absent. */
export const isAbsent = (value) => value === null || value === undefined;

/** A field as the text that it is; lists and objects are a mistake of the author. */
export function asText(value, name) {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      return numberText(value);
    case "boolean":
    case "bigint":
      return String(value);
    default:
      if (value instanceof Date) return momentText(value);
      throw new TypeError(`functions.${name} takes a text, not ${Array.isArray(value) ? "a list" : "an object"}`);
  }
}

/** A function whose first argument is a text: absent answers null, numbers and dates are read as text. */
export function ofText(name, run) {
  return Object.defineProperty((text, ...rest) => (isAbsent(text) ? null : run(asText(text, name), ...rest)), "name", { value: name });
}

/** A function that answers null where its first argument is absent. */
export function ofValue(name, run) {
  return Object.defineProperty((value, ...rest) => (isAbsent(value) ? null : run(value, ...rest)), "name", { value: name });
}

export const codePoints = (text) => Array.from(text);
