// The functions that nearly every mapping needs: the same in every SDK, with the same test vectors
// (guest-sdk/functions.json). An absent text (null, undefined) answers null, so that calls can be nested; what a record
// can do wrong answers null, a mistake of the author throws.

export { choose, coalesce, compact, count, distinct, first, firstFree, isBlank, isPresent, item } from "./functions/choose.js";
export {
  after, append, before, collapseSpaces, contains, endsWith, equalsIgnoreCase, indexOf, join, left, length, mask, mid,
  onlyDigits, padLeft, redact, removeCharacters, replace, right, split, splitList, startsWith, stripSpaces, substring, trim,
  word,
} from "./functions/text.js";
export { extractRegex, matchesRegex, replaceRegex } from "./functions/regex.js";
export { capitalize, lower, titleCase, upper } from "./functions/case.js";
export { normalizeDiacritics, slug, toAscii } from "./functions/letters.js";
export { cleanName, familyNameFirst, fullName, initials, userNameCandidates } from "./functions/names.js";
export {
  countryAlpha2, countryAlpha3, countryName, emailAddress, emailDomain, emailLocalPart, languagePart, languageTag, phoneNumber,
  regionPart,
} from "./functions/contact.js";
export { bitAnd, parseBoolean, parseInteger, parseNumber } from "./functions/numbers.js";
export {
  dateAdd, dateDiff, dateFromExcel, dateFromFiletime, dateFromUnix, filetimeFromDate, formatDate, isAfter, isBefore, parseDate,
  parseDateTime, unixFromDate, weekday,
} from "./functions/dates.js";
export { fromBase64, percentEncode, shortId, stableHash, stableUuid, toBase64, toUtf8Hex } from "./functions/encode.js";
