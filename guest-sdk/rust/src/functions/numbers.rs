//! Numbers and truth values in texts, as people and other systems write them.

use super::text::trim;

/// The greatest whole number up to which every language of the SDKs is exact: 2^53 - 1.
const EXACT: i64 = 9_007_199_254_740_991;

/// Yes or no in the words that people use: true, yes, y, t, 1, on, x and false, no, n, f, 0, off.
#[must_use]
pub fn parse_boolean(text: &str) -> Option<bool> {
    crate::access::parse_boolean(trim(text))
}

/// The whole number that the text is, within ±(2^53 - 1).
#[must_use]
pub fn parse_integer(text: &str) -> Option<i64> {
    let number: i64 = trim(text).parse().ok()?;
    (-EXACT..=EXACT).contains(&number).then_some(number)
}

/// The number that the text is, with `decimal_mark` `.` or `,` before its fraction. Digits may be grouped in
/// threes, by one and the same of space, apostrophe and the other mark.
///
/// ```
/// use scimwright_guest::functions::parse_number;
///
/// assert_eq!(parse_number("1.234,5", ','), Some(1234.5));
/// assert_eq!(parse_number("12,34", '.'), None);
/// ```
#[must_use]
pub fn parse_number(text: &str, decimal_mark: char) -> Option<f64> {
    let text = trim(text);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = match digits.split_once(decimal_mark) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !fraction.is_none_or(is_digits) {
        return None;
    }
    let other_mark = if decimal_mark == ',' { '.' } else { ',' };
    let is_grouping =
        |c: char| c == other_mark || matches!(c, '\'' | '’' | ' ' | '\u{A0}' | '\u{2009}' | '\u{202F}');
    let grouped_by = whole.chars().find(|c| is_grouping(*c));
    let whole = match grouped_by {
        Some(mark) => {
            let mut groups = whole.split(mark);
            let first = groups.next().is_some_and(|group| is_digits(group) && group.len() <= 3);
            if !first || !groups.all(|group| is_digits(group) && group.len() == 3) {
                return None;
            }
            whole.replace(mark, "")
        }
        None if whole.is_empty() && fraction.is_some() => "0".to_owned(),
        None if is_digits(whole) => whole.to_owned(),
        None => return None,
    };
    let number: f64 = format!("{sign}{whole}.{}", fraction.unwrap_or("0")).parse().ok()?;
    number.is_finite().then_some(number)
}

/// The bits that both numbers have, for flags: `bit_and(user_account_control, 2) != 0` is a disabled account.
#[must_use]
pub fn bit_and(number: i64, other: i64) -> i64 {
    number & other
}
