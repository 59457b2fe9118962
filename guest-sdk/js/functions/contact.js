// Mail addresses, telephone numbers, language tags and countries.

import { SPACES, asText, isAbsent, ofText, trimBlanks, trimSpaces } from "./base.js";
import { slug } from "./letters.js";
import { COUNTRIES } from "./tables.js";

const NOT_IN_ADDRESSES = new RegExp(`[${SPACES}\\u0000-\\u001f\\u007f-\\u009f,;<>]`);

/** The mail address in lower case, where the text is one. No full check of RFC 5321. */
export const emailAddress = ofText("emailAddress", (text) => {
  const address = trimSpaces(text);
  const [local, domain, ...rest] = address.split("@");
  if (domain === undefined || rest.length > 0 || NOT_IN_ADDRESSES.test(address)) return null;
  const labels = domain.split(".");
  const good =
    local !== "" && !local.startsWith(".") && !local.endsWith(".") && labels.length >= 2 &&
    labels.every((label) => label !== "" && !label.startsWith("-") && !label.endsWith("-"));
  return good ? address.toLowerCase() : null;
});

export const emailLocalPart = ofText("emailLocalPart", (text) => emailAddress(text)?.split("@")[0] ?? null);
export const emailDomain = ofText("emailDomain", (text) => emailAddress(text)?.split("@")[1] ?? null);

const DROPPED = new RegExp(`[${SPACES}\\-./()\\u2010-\\u2015\\u2212\\u00b7\\u200b\\ufeff\\uff08\\uff09\\uff0d]`, "g");
const FULL_WIDTH_DIGITS = /[\uff10-\uff19]/g;

/** The telephone number, as E.164 where its country is known: from the number itself, else from `countryCode`. */
export const phoneNumber = ofText("phoneNumber", (text, countryCode = null) => {
  let number = withoutExtension(trimBlanks(text));
  if (number.startsWith("tel:")) number = number.slice(4);
  number = number.replaceAll("(0)", "");
  let international = /^[+＋]/.test(number);
  let digits = plainDigits(international ? number.slice(1) : number).replace(DROPPED, "");
  if (!/^[0-9]*$/.test(digits)) return null;
  if (!international && digits.startsWith("00")) {
    digits = digits.slice(2);
    international = true;
  }
  const code = isAbsent(countryCode) ? "" : plainDigits(asText(countryCode, "phoneNumber")).replace(/[^0-9]/g, "");
  if (!international && code !== "") {
    // The trunk prefix of most of the world; Italy keeps it, and should give its numbers with +39.
    digits = code + digits.replace(/^0/, "");
    international = true;
  }
  // E.164 §6.1: at most 15 digits, and no country code begins with 0.
  const good = digits.length <= 15 && (international ? digits.length >= 7 && !digits.startsWith("0") : digits.length >= 3);
  if (!good) return null;
  return international ? `+${digits}` : digits;
});

const plainDigits = (text) => text.replace(FULL_WIDTH_DIGITS, (digit) => String(digit.charCodeAt(0) - 0xff10));

/** The number before `ext`, `x` or `#` and up to six digits. */
function withoutExtension(text) {
  const found = /^([^]*?)([0-9]+)$/.exec(text);
  if (!found || found[2].length > 6) return text;
  const before = found[1].replace(/[ .:=]+$/, "");
  const marked = /(?:extension|;ext|ext|x|#)$/i.exec(before);
  return marked ? before.slice(0, marked.index) : text;
}

/** The language tag (BCP 47) in its usual case, with hyphens. */
export const languageTag = ofText("languageTag", (text) => {
  // POSIX locales carry an encoding: `de_DE.UTF-8`.
  const parts = trimSpaces(text).split(".")[0].split(/[-_]/);
  const tag = parts.map((part, at) => {
    if (at === 0) return /^[A-Za-z]{2,3}$/.test(part) ? part.toLowerCase() : null;
    // RFC 5646 §2.1.1: scripts in title case, regions in capitals.
    if (/^[A-Za-z]{4}$/.test(part)) return part[0].toUpperCase() + part.slice(1).toLowerCase();
    if (/^[A-Za-z]{2}$/.test(part)) return part.toUpperCase();
    if (/^[0-9]{3}$/.test(part)) return part;
    return /^[A-Za-z0-9]{4,8}$/.test(part) ? part.toLowerCase() : null;
  });
  return tag.includes(null) ? null : tag.join("-");
});

export const languagePart = ofText("languagePart", (text) => languageTag(text)?.split("-")[0] ?? null);

export const regionPart = ofText("regionPart", (text) => {
  const parts = languageTag(text)?.split("-").slice(1) ?? [];
  return parts.find((part) => /^([A-Z]{2}|[0-9]{3})$/.test(part)) ?? null;
});

// Built once: in a component the result is part of the snapshot.
const BY_CODE = new Map();
const BY_NAME = new Map();
for (const row of COUNTRIES) {
  const [alpha2, alpha3, numeric, ...names] = row;
  for (const code of [alpha2, alpha3, numeric]) BY_CODE.set(code, row);
  for (const name of names) BY_NAME.set(nameKey(name), row);
}

/** The words of a country's name that tell it apart. */
function nameKey(name) {
  const words = slug(name).split("-").filter((word) => word !== "the" && word !== "and");
  return words.map((word) => (word === "st" ? "saint" : word)).join("-");
}

function country(text) {
  const name = trimSpaces(text);
  return BY_CODE.get(name.toUpperCase()) ?? BY_NAME.get(nameKey(name) || " ");
}

export const countryAlpha2 = ofText("countryAlpha2", (text) => country(text)?.[0] ?? null);
export const countryAlpha3 = ofText("countryAlpha3", (text) => country(text)?.[1] ?? null);
export const countryName = ofText("countryName", (text) => country(text)?.[3] ?? null);
