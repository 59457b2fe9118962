// Telephone numbers as E.164, by the dialling habits of their country.
//
// `functions.phoneNumber` reads the punctuation. What it cannot know is what a country dials before its own numbers and
// leaves out abroad: 0 in most of Europe, 1 in North America, 8 in Russia, nothing in Italy, whose 0 stays.

import { functions } from "scimwright";
import { CALLING_CODES } from "./calling-codes.js";

/** What is dialled at home and left out abroad, by calling code. `0` where nothing stands here. */
const TRUNK = {
  1: /^1(?=\d{10}$)/,
  7: /^8(?=\d{10}$)/,
  36: /^06/,
  // Here a 0 belongs to the number.
  39: null, 225: null, 241: null, 242: null, 378: null,
};

/** The number as E.164 where its own text or the country tells the calling code; null where it is no number. */
export function phoneNumber(text, country) {
  const read = functions.phoneNumber(text);
  const code = CALLING_CODES[country];
  // It named its country itself, or nobody did: an extension of the office, say, which is of use as it is.
  if (read === null || read.startsWith("+") || !code) return read;
  const trunk = code in TRUNK ? TRUNK[code] : /^0/;
  const abroad = trunk ? read.replace(trunk, "") : read;
  // Too short for any country's number: the same extension.
  return functions.phoneNumber(`+${code}${abroad}`) ?? read;
}
