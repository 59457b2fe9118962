//! Names, addresses and telephone numbers, cleaned.

/// A name with single spaces between its words and none around it.
#[must_use]
pub fn name(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(word);
    }
    clean
}

/// Two texts with something between them, or the one that is not empty.
#[must_use]
pub fn joined(first: &str, between: &str, second: &str) -> String {
    if first.is_empty() || second.is_empty() {
        return [first, second].concat();
    }
    [first, between, second].concat()
}

/// A mail address in lower case, where the text is one: a local part, one `@`, a domain with a dot in it, no
/// white space.
#[must_use]
pub fn email_address(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.split_once('@')?;
    let good = !local.is_empty()
        && !domain.contains('@')
        && domain.split('.').count() > 1
        && domain.split('.').all(|label| !label.is_empty())
        && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    good.then(|| text.to_lowercase())
}

/// A telephone number without its punctuation, with the `+` of an international one. `None` where the text is
/// no telephone number.
#[must_use]
pub fn phone_number(text: &str) -> Option<String> {
    let text = text.trim().replace("(0)", "");
    let mut number = String::with_capacity(text.len());
    for (at, letter) in text.chars().enumerate() {
        match letter {
            '0'..='9' => number.push(letter),
            '+' if at == 0 => number.push(letter),
            ' ' | '-' | '.' | '/' | '(' | ')' => {}
            _ => return None,
        }
    }
    let number = match number.strip_prefix("00") {
        Some(rest) => format!("+{rest}"),
        None => number,
    };
    (3..=16).contains(&number.len()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telephone_numbers_lose_their_punctuation() {
        assert_eq!(phone_number("+33 (0)6 12-34.56/78").as_deref(), Some("+33612345678"));
        assert_eq!(phone_number("0033 1 23").as_deref(), Some("+33123"));
        assert_eq!(phone_number("at the desk"), None);
        assert_eq!(phone_number(""), None);
    }

    #[test]
    fn addresses_are_checked_and_made_lower_case() {
        assert_eq!(email_address(" Zoe@Example.com ").as_deref(), Some("zoe@example.com"));
        for wrong in ["zoe", "@example.com", "zoe@example", "zoe@example..com", "z oe@example.com"] {
            assert_eq!(email_address(wrong), None, "{wrong}");
        }
    }
}
