// Bytes of text: Base64, hexadecimal, addresses, and identifiers from SHA-256. QuickJS has none of these.

import { ofText } from "./base.js";

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The UTF-8 bytes of a text. */
function utf8(text) {
  const bytes = [];
  for (const letter of text.toWellFormed()) {
    const code = letter.codePointAt(0);
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
  }
  return bytes;
}

/** The text of UTF-8 bytes; null where they are none. */
function fromUtf8(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at];
    const more = first < 0x80 ? 0 : first >> 5 === 6 ? 1 : first >> 4 === 14 ? 2 : first >> 3 === 30 ? 3 : -1;
    if (more < 0 || at + more >= bytes.length) return null;
    let code = more === 0 ? first : first & (0x3f >> more);
    for (let next = 1; next <= more; next += 1) {
      if (bytes[at + next] >> 6 !== 2) return null;
      code = (code << 6) | (bytes[at + next] & 63);
    }
    // Neither a longer form than needed, nor half a surrogate pair, nor beyond Unicode.
    if (code < [0, 0x80, 0x800, 0x10000][more] || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return null;
    text += String.fromCodePoint(code);
    at += more + 1;
  }
  return text;
}

export const toBase64 = ofText("toBase64", (text) => {
  const bytes = utf8(text);
  let encoded = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const bits = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const letters = [18, 12, 6, 0].map((shift) => BASE64[(bits >> shift) & 63]);
    encoded += letters.slice(0, Math.min(4, bytes.length - at + 1)).join("").padEnd(4, "=");
  }
  return encoded;
});

export const fromBase64 = ofText("fromBase64", (text) => {
  const padded = /^([A-Za-z0-9+/_-]*)(=*)$/.exec(text);
  if (!padded) return null;
  const [, letters, padding] = padded;
  const over = letters.length % 4;
  if (over === 1 || (padding !== "" && padding.length !== (4 - over) % 4)) return null;
  const bytes = [];
  let bits = 0;
  let held = 0;
  for (const letter of letters.replaceAll("-", "+").replaceAll("_", "/")) {
    bits = ((bits << 6) | BASE64.indexOf(letter)) & 0xffffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes.push((bits >> held) & 255);
    }
  }
  if ((bits & ((1 << held) - 1)) !== 0) return null;
  return fromUtf8(bytes);
});

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const toUtf8Hex = ofText("toUtf8Hex", (text) => hex(utf8(text)).toUpperCase());

export const percentEncode = ofText("percentEncode", (text) =>
  utf8(text)
    .map((byte) => {
      const letter = String.fromCharCode(byte);
      return /[A-Za-z0-9\-._~]/.test(letter) ? letter : `%${hex([byte]).toUpperCase()}`;
    })
    .join(""),
);

/** The first digits of the SHA-256 in hexadecimal. */
export const stableHash = ofText("stableHash", (text, length = 64) => hex(sha256(utf8(text))).slice(0, Math.max(0, length ?? 64)));

/** The last digits of the SHA-256 in base 36. */
export const shortId = ofText("shortId", (text, length = 8) => {
  const digits = BigInt(`0x${hex(sha256(utf8(text)))}`).toString(36);
  const wanted = Math.min(49, Math.max(0, length ?? 8));
  return wanted === 0 ? "" : digits.padStart(49, "0").slice(-wanted);
});

/** A UUID of version 8 (RFC 9562 §5.8) from the SHA-256. */
export const stableUuid = ofText("stableUuid", (text) => {
  const bytes = sha256(utf8(text)).slice(0, 16);
  bytes[6] = (bytes[6] & 15) | 0x80;
  bytes[8] = (bytes[8] & 63) | 0x80;
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
});

// FIPS 180-4: the first 32 bits of the fractional parts of square and cube roots of the first primes.
const { START, ROUND } = constants();

function constants() {
  const primes = [];
  for (let number = 2; primes.length < 64; number += 1) if (primes.every((prime) => number % prime !== 0)) primes.push(number);
  const root = (prime, power) => {
    // By whole numbers: floating point has not enough digits for all 64.
    const wanted = BigInt(prime) << BigInt(32 * power);
    let [low, high] = [0n, 1n << 40n];
    while (high - low > 1n) {
      const middle = (low + high) / 2n;
      if (middle ** BigInt(power) <= wanted) low = middle;
      else high = middle;
    }
    return Number(low & 0xffffffffn) | 0;
  };
  return { START: primes.slice(0, 8).map((prime) => root(prime, 2)), ROUND: primes.map((prime) => root(prime, 3)) };
}

function sha256(message) {
  const bytes = [...message, 0x80];
  while (bytes.length % 64 !== 56) bytes.push(0);
  const bits = message.length * 8;
  for (let shift = 7; shift >= 0; shift -= 1) bytes.push(Math.floor(bits / 2 ** (8 * shift)) & 255);
  const state = [...START];
  const turn = (word, by) => (word >>> by) | (word << (32 - by));
  const w = new Array(64);
  for (let block = 0; block < bytes.length; block += 64) {
    for (let at = 0; at < 16; at += 1) {
      const from = block + at * 4;
      w[at] = (bytes[from] << 24) | (bytes[from + 1] << 16) | (bytes[from + 2] << 8) | bytes[from + 3];
    }
    for (let at = 16; at < 64; at += 1) {
      const s0 = turn(w[at - 15], 7) ^ turn(w[at - 15], 18) ^ (w[at - 15] >>> 3);
      const s1 = turn(w[at - 2], 17) ^ turn(w[at - 2], 19) ^ (w[at - 2] >>> 10);
      w[at] = (w[at - 16] + s0 + w[at - 7] + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let at = 0; at < 64; at += 1) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUND[at] + w[at]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, at) => {
      state[at] = (state[at] + word) | 0;
    });
  }
  return state.flatMap((word) => [(word >>> 24) & 255, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]);
}
