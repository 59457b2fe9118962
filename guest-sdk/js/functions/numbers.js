// Yes and no, and numbers, as files have them.

import { ofText, ofValue, trimBlanks } from "./base.js";

const YES = /^(true|yes|y|t|1|on|x)$/;
const NO = /^(false|no|n|f|0|off)$/;
const asciiLower = (text) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

export const parseBoolean = ofText("parseBoolean", (text) => {
  const word = asciiLower(trimBlanks(text));
  return YES.test(word) ? true : NO.test(word) ? false : null;
});

/** The whole number, within ±(2^53 - 1), where every language is exact. */
export const parseInteger = ofText("parseInteger", (text) => {
  const digits = trimBlanks(text);
  const number = /^[+-]?[0-9]+$/.test(digits) ? Number(digits) : NaN;
  return Number.isSafeInteger(number) ? number || 0 : null;
});

/** The number, with `.` or `,` as its decimal mark and groups of three before it. */
export const parseNumber = ofText("parseNumber", (text, decimalMark = ".") => {
  const mark = decimalMark ?? ".";
  if (mark !== "." && mark !== ",") throw new Error(`a decimal mark is \`.\` or \`,\`, not \`${mark}\``);
  const other = mark === "." ? "," : ".";
  const form = new RegExp(
    `^([+-]?)([0-9]+|[0-9]{1,3}([${other}'’ \\u00a0\\u2009\\u202f])[0-9]{3}(?:\\3[0-9]{3})*)?(?:[${mark}]([0-9]+))?$`,
  );
  const found = form.exec(trimBlanks(text));
  if (!found || (found[2] === undefined && found[4] === undefined)) return null;
  const [, sign, whole = "0", , fraction = "0"] = found;
  const number = Number(`${sign}${whole.replace(/[^0-9]/g, "")}.${fraction}`);
  return Number.isFinite(number) ? number || 0 : null;
});

/** The bits that both whole numbers have, from 0 to 2^53 - 1. */
export const bitAnd = ofValue("bitAnd", (number, other) => {
  for (const value of [number, other]) {
    if (!Number.isSafeInteger(value) || value < 0) return null;
  }
  return Number(BigInt(number) & BigInt(other));
});
