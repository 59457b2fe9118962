//! Telephone numbers and mail addresses.

/// The telephone number without its punctuation, as E.164 (`+` and 7 to 15 digits) where the country is
/// known: from the number itself (`+49…`, `0049…`), else from `country_code`, for example `+49`. Without
/// either the digits stay as they are. An extension (`ext. 12`) is cut off: E.164 has none. `None` when the
/// text is no telephone number.
///
/// ```
/// use scimwright_guest::functions::phone_number;
///
/// assert_eq!(phone_number("+49 (0)30 1234-567", None).as_deref(), Some("+49301234567"));
/// assert_eq!(phone_number("030/1234567", Some("+49")).as_deref(), Some("+49301234567"));
/// assert_eq!(phone_number("030/1234567", None).as_deref(), Some("0301234567"));
/// assert_eq!(phone_number("ask at the desk", None), None);
/// ```
#[must_use]
pub fn phone_number(text: &str, country_code: Option<&str>) -> Option<String> {
    let text = without_extension(text.trim());
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let mut digits = String::with_capacity(text.len());
    let mut international = false;
    for (at, letter) in text.replace("(0)", "").chars().enumerate() {
        match plain_digit(letter) {
            Some(digit) => digits.push(digit),
            None if matches!(letter, '+' | '＋') && at == 0 => international = true,
            None if letter == '+' => return None,
            None if letter.is_whitespace() || is_phone_punctuation(letter) => {}
            None => return None,
        }
    }
    if !international && let Some(rest) = digits.strip_prefix("00") {
        digits = rest.to_owned();
        international = true;
    }
    if !international && let Some(code) = country_code {
        // The trunk prefix of most of the world; Italy keeps it, and should give its numbers with +39.
        let national = digits.strip_prefix('0').unwrap_or(&digits);
        digits = code.chars().filter_map(plain_digit).chain(national.chars()).collect();
        international = true;
    }
    // E.164 §6.1: at most 15 digits, and no country code begins with 0.
    let good = match international {
        true => (7..=15).contains(&digits.len()) && !digits.starts_with('0'),
        false => (3..=15).contains(&digits.len()),
    };
    good.then(|| if international { format!("+{digits}") } else { digits })
}

/// The mail address in lower case, where the text is one: a local part, one `@`, a domain with a dot in it,
/// no white space. It is no full check of RFC 5321; the provider makes its own.
#[must_use]
pub fn email_address(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.split_once('@')?;
    let good = !local.is_empty()
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !domain.contains('@')
        && domain.contains('.')
        && domain
            .split('.')
            .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, ',' | ';' | '<' | '>'));
    good.then(|| text.to_lowercase())
}

/// What stands before the `@` of a mail address, in lower case; `None` where the text is none.
#[must_use]
pub fn email_local_part(text: &str) -> Option<String> {
    let mut address = email_address(text)?;
    address.truncate(address.find('@')?);
    Some(address)
}

/// What stands after the `@` of a mail address, in lower case; `None` where the text is none.
#[must_use]
pub fn email_domain(text: &str) -> Option<String> {
    let address = email_address(text)?;
    Some(address[address.find('@')? + 1..].to_owned())
}

fn plain_digit(letter: char) -> Option<char> {
    match letter {
        '0'..='9' => Some(letter),
        // Full-width digits, as East Asian keyboards type them.
        '０'..='９' => char::from_u32(letter as u32 - '０' as u32 + '0' as u32),
        _ => None,
    }
}

fn is_phone_punctuation(letter: char) -> bool {
    matches!(letter, '-' | '.' | '/' | '(' | ')' | '‐'..='―' | '−' | '·' | '\u{200B}' | '\u{FEFF}')
        || matches!(letter, '（' | '）' | '－')
}

/// The number before `ext`, `x` or `#` and up to six digits.
fn without_extension(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    let number = lower.trim_end_matches(|c: char| c.is_ascii_digit());
    if number.len() == lower.len() || lower.len() - number.len() > 6 {
        return text;
    }
    let number = number.trim_end_matches([' ', '.', ':', '=']);
    let marked = ["extension", ";ext", "ext", "x", "#"].iter().find_map(|mark| number.strip_suffix(mark));
    match marked {
        Some(rest) => &text[..rest.len()],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telephone_numbers_are_cleaned() {
        let pairs = [
            ("+1 (415) 555-0100", "+14155550100"),
            ("0044 20 7946 0958", "+442079460958"),
            ("+49 (0)30\u{A0}901820", "+4930901820"),
            ("＋１２ ３４５６７８９０", "+1234567890"),
            ("+33 1 23 45 67 89 ext. 12", "+33123456789"),
            ("tel:+1-201-555-0123;ext=9", "+12015550123"),
            ("415.555.0100 x7", "4155550100"),
            ("112", "112"),
        ];
        for (from, to) in pairs {
            assert_eq!(phone_number(from, None).as_deref(), Some(to), "{from}");
        }
    }

    #[test]
    fn a_national_number_takes_the_country_code() {
        assert_eq!(phone_number("030 901820", Some("+49")).as_deref(), Some("+4930901820"));
        assert_eq!(phone_number("(415) 555-0100", Some("1")).as_deref(), Some("+14155550100"));
        assert_eq!(phone_number("+33 1 23 45 67 89", Some("+49")).as_deref(), Some("+33123456789"));
    }

    #[test]
    fn what_is_no_telephone_number_is_none() {
        for rubbish in ["", "n/a", "-", "12", "call Bob 5550100", "+", "+0123456789", "1+4155550100", "🚀"]
        {
            assert_eq!(phone_number(rubbish, None), None, "{rubbish}");
        }
        assert_eq!(phone_number(&"1".repeat(16), None), None);
    }

    #[test]
    fn mail_addresses_are_lower_case() {
        assert_eq!(email_address(" Ada.L@Example.COM ").as_deref(), Some("ada.l@example.com"));
        assert_eq!(email_address("o'neil+hr@example.co.uk").as_deref(), Some("o'neil+hr@example.co.uk"));
        for rubbish in [
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a@b@example.com",
            "a b@example.com",
            "ada@example..com",
            "ada@-example.com",
            "Ada <ada@example.com>",
            "a@example.com, b@example.com",
        ] {
            assert_eq!(email_address(rubbish), None, "{rubbish}");
        }
    }
}
