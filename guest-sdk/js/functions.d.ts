// Types of the functions. An absent first argument answers null, so that calls can be nested.

/** What reads as a text: numbers and dates do too. */
export type Text = string | number | boolean | Date;
/** Not there. */
export type Absent = null | undefined;
/** A unit of time. */
export type Unit = "years" | "months" | "weeks" | "days" | "hours" | "minutes" | "seconds";

/** Whether a value is absent, or a text with nothing but blank characters. */
export function isBlank(value: unknown): boolean;
/** The opposite of isBlank. */
export function isPresent(value: unknown): boolean;
/** The first value that is not blank, as it is; null when all are. */
export function coalesce<T>(...values: T[]): T | null;
/** The result that stands beside the value in `cases`; `otherwise` when none does. */
export function choose<T>(value: Text | Absent, cases: { readonly [key: string]: T }, otherwise?: T | null): T | null;
/** The text with the suffix behind it. */
export function append(text: Text, suffix: Text | Absent): string;
export function append(text: Text | Absent, suffix: Text | Absent): string | null;
/** The parts that are not blank, joined by the separator. */
export function join(separator: string, ...parts: (Text | Absent | readonly (Text | Absent)[])[]): string;
export function join(separator: string | Absent, ...parts: (Text | Absent | readonly (Text | Absent)[])[]): string | null;
/** The texts between the separators. */
export function split(text: Text, separator: string): string[];
export function split(text: Text | Absent, separator: string): string[] | null;
/** The values of a list in one text: cut at `;`, `,`, `|` and line ends, trimmed, blank ones left out. */
export function splitList(text: Text): string[];
export function splitList(text: Text | Absent): string[] | null;
/** The text with every occurrence of `find` replaced. */
export function replace(text: Text, find: string, replacement: string): string;
export function replace(text: Text | Absent, find: string, replacement: string): string | null;
/** The text without blank characters (see isBlank) at its ends. */
export function trim(text: Text): string;
export function trim(text: Text | Absent): string | null;
/** The text without any blank characters (see isBlank), inside too. */
export function stripSpaces(text: Text): string;
export function stripSpaces(text: Text | Absent): string | null;
/** The text trimmed, with one plain space for each run of blank characters inside. */
export function collapseSpaces(text: Text): string;
export function collapseSpaces(text: Text | Absent): string | null;
/** How many Unicode code points the text has. */
export function length(text: Text): number;
export function length(text: Text | Absent): number | null;
/** The first code points. */
export function left(text: Text, count: number): string;
export function left(text: Text | Absent, count: number): string | null;
/** The last code points. */
export function right(text: Text, count: number): string;
export function right(text: Text | Absent, count: number): string | null;
/** `count` code points from the one with number `start` on, counted from 1. */
export function mid(text: Text, start: number, count: number): string;
export function mid(text: Text | Absent, start: number, count: number): string | null;
/** The code points from `start` on, up to and without `end`, counted from 0; to the end of the text without `end`. */
export function substring(text: Text, start: number, end?: number): string;
export function substring(text: Text | Absent, start: number, end?: number): string | null;
/** Where `find` first occurs, in code points from 0; null where it does not. */
export function indexOf(text: Text, find: string): number | null;
export function indexOf(text: Text | Absent, find: string): number | null;
/** Whether `find` occurs in the text. */
export function contains(text: Text, find: string): boolean;
export function contains(text: Text | Absent, find: string): boolean | null;
/** Whether the text begins so. */
export function startsWith(text: Text, start: string): boolean;
export function startsWith(text: Text | Absent, start: string): boolean | null;
/** Whether the text ends so. */
export function endsWith(text: Text, end: string): boolean;
export function endsWith(text: Text | Absent, end: string): boolean | null;
/** Whether both are the same text in lower case. */
export function equalsIgnoreCase(text: Text, other: Text | Absent): boolean;
export function equalsIgnoreCase(text: Text | Absent, other: Text | Absent): boolean | null;
/** The word with this number, counted from 1; null where there are fewer. */
export function word(text: Text, number: number, delimiters?: string): string | null;
export function word(text: Text | Absent, number: number, delimiters?: string): string | null;
/** What stands before the first `mark`; null where the text has none. */
export function before(text: Text, mark: string): string | null;
export function before(text: Text | Absent, mark: string): string | null;
/** What stands after the first `mark`; null where the text has none. */
export function after(text: Text, mark: string): string | null;
export function after(text: Text | Absent, mark: string): string | null;
/** The text with `fill` before it until it has this many code points. */
export function padLeft(text: Text, length: number, fill: string): string;
export function padLeft(text: Text | Absent, length: number, fill: string): string | null;
/** The digits 0 to 9 of the text. */
export function onlyDigits(text: Text): string;
export function onlyDigits(text: Text | Absent): string | null;
/** The text without these characters. */
export function removeCharacters(text: Text, characters: string): string;
export function removeCharacters(text: Text | Absent, characters: string): string | null;
/** The text with every match of the pattern replaced. */
export function replaceRegex(text: Text, pattern: string, replacement: string): string;
export function replaceRegex(text: Text | Absent, pattern: string, replacement: string): string | null;
/** Whether the pattern matches anywhere in the text. */
export function matchesRegex(text: Text, pattern: string): boolean;
export function matchesRegex(text: Text | Absent, pattern: string): boolean | null;
/** The first group of the pattern's first match, or the whole match when it has no group; absent without a match. */
export function extractRegex(text: Text, pattern: string): string | null;
export function extractRegex(text: Text | Absent, pattern: string): string | null;
/** The text in lower case. */
export function lower(text: Text): string;
export function lower(text: Text | Absent): string | null;
/** The text in upper case. */
export function upper(text: Text): string;
export function upper(text: Text | Absent): string | null;
/** The first code point in upper case, the others in lower case. */
export function capitalize(text: Text): string;
export function capitalize(text: Text | Absent): string | null;
/** Each word with a capital first and small letters behind, as names are written. */
export function titleCase(text: Text): string;
export function titleCase(text: Text | Absent): string | null;
/** Latin and Greek letters without their diacritics; everything else as it is. */
export function normalizeDiacritics(text: Text): string;
export function normalizeDiacritics(text: Text | Absent): string | null;
/** The text in ASCII: diacritics off, Greek and Cyrillic letters transcribed, dashes and apostrophes made plain. What has no plain form is left out. */
export function toAscii(text: Text, language?: string | null): string;
export function toAscii(text: Text | Absent, language?: string | null): string | null;
/** Plain lower-case letters and digits with hyphens between words, as in addresses and group names. */
export function slug(text: Text): string;
export function slug(text: Text | Absent): string | null;
/** A name with one plain space between words, without control characters, emoji and other symbols. */
export function cleanName(text: Text): string;
export function cleanName(text: Text | Absent): string | null;
/** Both names in the order of their script; one that is empty is left out. */
export function fullName(given: Text | Absent, family: Text | Absent): string;
/** Whether a full name of these is written family name first: both are in Han, kana or Hangul. */
export function familyNameFirst(given: Text, family: Text | Absent): boolean;
export function familyNameFirst(given: Text | Absent, family: Text | Absent): boolean | null;
/** The first code point of each word, in upper case. */
export function initials(text: Text): string;
export function initials(text: Text | Absent): string | null;
/** Login names to try in turn, built from the parts of a name: up to `count`, each once. */
export function userNameCandidates(patterns: readonly string[], parts: { readonly [name: string]: Text | Absent }, count: number): string[];
export function userNameCandidates(patterns: readonly string[] | Absent, parts: { readonly [name: string]: Text | Absent }, count: number): string[] | null;
/** The first candidate that is not taken, compared without case; null when all are. */
export function firstFree(candidates: readonly string[], taken: readonly string[]): string | null;
export function firstFree(candidates: readonly string[] | Absent, taken: readonly string[]): string | null;
/** The mail address in lower case; null where the text is none. */
export function emailAddress(text: Text): string | null;
export function emailAddress(text: Text | Absent): string | null;
/** What stands before the `@` of a mail address, in lower case; null where the text is none. */
export function emailLocalPart(text: Text): string | null;
export function emailLocalPart(text: Text | Absent): string | null;
/** What stands after the `@` of a mail address, in lower case; null where the text is none. */
export function emailDomain(text: Text): string | null;
export function emailDomain(text: Text | Absent): string | null;
/** The telephone number without punctuation, as E.164 where its country is known; null where the text is none. */
export function phoneNumber(text: Text, countryCode?: string | null): string | null;
export function phoneNumber(text: Text | Absent, countryCode?: string | null): string | null;
/** The language tag (BCP 47) in its usual case, with hyphens; null where the text is none. */
export function languageTag(text: Text): string | null;
export function languageTag(text: Text | Absent): string | null;
/** The language of a language tag: `de` of `de-CH`. */
export function languagePart(text: Text): string | null;
export function languagePart(text: Text | Absent): string | null;
/** The region of a language tag: `CH` of `de-CH`; null where it has none. */
export function regionPart(text: Text): string | null;
export function regionPart(text: Text | Absent): string | null;
/** The two-letter code of a country (ISO 3166-1), from a code or its English name; null where it is not known. */
export function countryAlpha2(text: Text): string | null;
export function countryAlpha2(text: Text | Absent): string | null;
/** The three-letter code of a country, from a code or its English name; null where it is not known. */
export function countryAlpha3(text: Text): string | null;
export function countryAlpha3(text: Text | Absent): string | null;
/** The English name of a country, from a code or one of its names; null where it is not known. */
export function countryName(text: Text): string | null;
export function countryName(text: Text | Absent): string | null;
/** Yes or no in the words that people use; null where it is neither. */
export function parseBoolean(text: Text): boolean | null;
export function parseBoolean(text: Text | Absent): boolean | null;
/** The whole number that the text is; null where it is none. */
export function parseInteger(text: Text): number | null;
export function parseInteger(text: Text | Absent): number | null;
/** The number that the text is; null where it is none. */
export function parseNumber(text: Text, decimalMark?: "." | ","): number | null;
export function parseNumber(text: Text | Absent, decimalMark?: "." | ","): number | null;
/** The bits that both whole numbers have, for flags such as userAccountControl. */
export function bitAnd(number: number, other: number): number | null;
export function bitAnd(number: number | Absent, other: number): number | null;
/** The date, read by the first of the formats that fits, as `YYYY-MM-DD`; null when none fits. */
export function parseDate(text: Text, ...formats: string[]): string | null;
export function parseDate(text: Text | Absent, ...formats: string[]): string | null;
/** The moment, read by the first of the formats that fits, in UTC; null when none fits. */
export function parseDateTime(text: Text, ...formats: string[]): string | null;
export function parseDateTime(text: Text | Absent, ...formats: string[]): string | null;
/** A date or moment in a format, in UTC; null where the text is neither. */
export function formatDate(date: Text, format: string): string | null;
export function formatDate(date: Text | Absent, format: string): string | null;
/** The date or moment so much later (earlier where the amount is negative); null where the text is neither. */
export function dateAdd(date: Text, amount: number, unit: Unit): string | null;
export function dateAdd(date: Text | Absent, amount: number, unit: Unit): string | null;
/** How many whole units lie between two dates or moments, negative when `to` is earlier; null where one of them is neither. */
export function dateDiff(from: Text, to: Text | Absent, unit: Unit): number | null;
export function dateDiff(from: Text | Absent, to: Text | Absent, unit: Unit): number | null;
/** Whether a date or moment is earlier than another; null where one of them is neither. */
export function isBefore(date: Text, other: Text | Absent): boolean | null;
export function isBefore(date: Text | Absent, other: Text | Absent): boolean | null;
/** Whether a date or moment is later than another; null where one of them is neither. */
export function isAfter(date: Text, other: Text | Absent): boolean | null;
export function isAfter(date: Text | Absent, other: Text | Absent): boolean | null;
/** The day of the week in UTC, from 1 for Monday to 7 for Sunday; null where the text is no date or moment. */
export function weekday(date: Text): number | null;
export function weekday(date: Text | Absent): number | null;
/** The moment of a Windows file time (hundreds of nanoseconds since 1601), as Active Directory has it; null where it is none. */
export function dateFromFiletime(text: Text): string | null;
export function dateFromFiletime(text: Text | Absent): string | null;
/** A date or moment as Windows file time, in text; null where the text is neither, or before 1601. */
export function filetimeFromDate(text: Text): string | null;
export function filetimeFromDate(text: Text | Absent): string | null;
/** The moment of a Unix time in whole seconds; null outside the years 0001 to 9999. */
export function dateFromUnix(seconds: number): string | null;
export function dateFromUnix(seconds: number | Absent): string | null;
/** A date or moment as Unix time in whole seconds, rounded down; null where the text is neither. */
export function unixFromDate(date: Text): number | null;
export function unixFromDate(date: Text | Absent): number | null;
/** The date of a day number of a spreadsheet, where 45352 is 2024-03-01; null outside of 61 to 2958465. */
export function dateFromExcel(number: number): string | null;
export function dateFromExcel(number: number | Absent): string | null;
/** The values, each once, in the order of their first occurrence. */
export function distinct<T>(list: readonly T[]): T[];
export function distinct<T>(list: readonly T[] | Absent): T[] | null;
/** The values that are not blank. */
export function compact<T>(list: readonly T[]): NonNullable<T>[];
export function compact<T>(list: readonly T[] | Absent): NonNullable<T>[] | null;
/** How many values of the list are not blank. */
export function count(list: readonly unknown[] | Absent): number;
/** The value with this number, counted from 1; null where there are fewer. */
export function item<T>(list: readonly T[], number: number): T | null;
export function item<T>(list: readonly T[] | Absent, number: number): T | null;
/** The first value that is not blank; null where none is. */
export function first<T>(list: readonly T[]): NonNullable<T> | null;
export function first<T>(list: readonly T[] | Absent): NonNullable<T> | null;
/** The UTF-8 bytes of the text in Base64, with padding. */
export function toBase64(text: Text): string;
export function toBase64(text: Text | Absent): string | null;
/** The text whose UTF-8 bytes are in Base64; null where it is no Base64 or no UTF-8. */
export function fromBase64(text: Text): string | null;
export function fromBase64(text: Text | Absent): string | null;
/** The UTF-8 bytes of the text in hexadecimal, in upper case. */
export function toUtf8Hex(text: Text): string;
export function toUtf8Hex(text: Text | Absent): string | null;
/** The text as part of an address: all but `A-Z a-z 0-9 - . _ ~` as %XX of its UTF-8 bytes. */
export function percentEncode(text: Text): string;
export function percentEncode(text: Text | Absent): string | null;
/** The first digits of the SHA-256 of the text, in lower-case hexadecimal: the same text always gives the same. */
export function stableHash(text: Text, length?: number): string;
export function stableHash(text: Text | Absent, length?: number): string | null;
/** A short identifier of `0-9 a-z` that the same text always gives: the last digits of its SHA-256 in base 36. */
export function shortId(text: Text, length?: number): string;
export function shortId(text: Text | Absent, length?: number): string | null;
/** A UUID that the same text always gives (version 8, from its SHA-256). */
export function stableUuid(text: Text): string;
export function stableUuid(text: Text | Absent): string | null;
/** The text with `*` for all but its last `keep` code points, for logs. */
export function mask(text: Text, keep?: number): string;
export function mask(text: Text | Absent, keep?: number): string | null;
/** `[redacted]` in place of a text that is not blank. */
export function redact(text: Text): string;
export function redact(text: Text | Absent): string | null;
