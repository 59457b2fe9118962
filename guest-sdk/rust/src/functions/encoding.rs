//! Other forms of a text: Base64, hexadecimal, identifiers that it always gives, and forms that hide it.

use super::choose::is_blank;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The UTF-8 bytes of the text in Base64, with padding.
#[must_use]
pub fn to_base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// The text whose UTF-8 bytes are in Base64, of either alphabet of RFC 4648, with all of its padding or none.
#[must_use]
pub fn from_base64(text: &str) -> Option<String> {
    let standard = text.replace('-', "+").replace('_', "/");
    let engine = if text.ends_with('=') { &STANDARD } else { &STANDARD_NO_PAD };
    String::from_utf8(engine.decode(standard).ok()?).ok()
}

/// The UTF-8 bytes of the text in hexadecimal, in upper case.
#[must_use]
pub fn to_utf8_hex(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}

/// The text as part of an address: all but `A-Z a-z 0-9 - . _ ~` as `%XX` (RFC 3986 §2.3).
#[must_use]
pub fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        encoded
    })
}

/// The first digits of the SHA-256 of the text, in lower-case hexadecimal; there are 64.
#[must_use]
pub fn stable_hash(text: &str, length: usize) -> String {
    let mut hex = sha256(text).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    hex.truncate(length);
    hex
}

/// A short identifier of `0-9 a-z` that the same text always gives: the last digits of its SHA-256 in base 36,
/// at most 49. With 8 of them, about one run in 50 000 finds two of 10 000 records alike.
#[must_use]
pub fn short_id(text: &str, length: usize) -> String {
    let mut number = sha256(text);
    let mut digits: Vec<u8> = (0..length.min(49)).map(|_| divide(&mut number)).collect();
    digits.reverse();
    digits.into_iter().map(char::from).collect()
}

/// A UUID that the same text always gives: version 8 (RFC 9562 §5.8), from its SHA-256.
#[must_use]
pub fn stable_uuid(text: &str) -> String {
    let mut bytes = sha256(text);
    bytes[6] = (bytes[6] & 0x0F) | 0x80;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    let mut uuid = String::with_capacity(36);
    for (at, byte) in bytes.iter().take(16).enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            uuid.push('-');
        }
        let _ = write!(uuid, "{byte:02x}");
    }
    uuid
}

/// The text with `*` for all but its last `keep` code points, for logs. Where that would hide nothing, it hides
/// everything.
#[must_use]
pub fn mask(text: &str, keep: usize) -> String {
    let length = text.chars().count();
    let hidden = if keep >= length { length } else { length - keep };
    std::iter::repeat_n('*', hidden).chain(text.chars().skip(hidden)).collect()
}

/// `[redacted]` in place of a text that is not blank.
#[must_use]
pub fn redact(text: &str) -> &str {
    if is_blank(text) { text } else { "[redacted]" }
}

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// Divides a number of 256 bits by 36 and answers the digit that is left over.
fn divide(number: &mut [u8; 32]) -> u8 {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut left_over = 0_usize;
    for byte in number {
        let dividend = (left_over << 8) | usize::from(*byte);
        // Below 256: what is left over is below 36.
        *byte = (dividend / 36) as u8;
        left_over = dividend % 36;
    }
    DIGITS[left_over]
}
