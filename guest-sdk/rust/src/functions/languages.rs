//! Language tags, as BCP 47 writes them.

/// The language tag (BCP 47) in its usual case, with underscores as hyphens: `de_ch` is `de-CH`, `zh_hant_TW`
/// is `zh-Hant-TW`. `None` when the text is no such tag.
#[must_use]
pub fn language_tag(text: &str) -> Option<String> {
    let mut tag = String::with_capacity(text.len());
    // POSIX locales carry an encoding: `de_DE.UTF-8`.
    let text = text.trim().split('.').next().unwrap_or_default();
    for (at, part) in text.split(['-', '_']).enumerate() {
        let letters = part.bytes().all(|byte| byte.is_ascii_alphabetic());
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        let part = match (at, part.len()) {
            (0, 2..=3) if letters => part.to_ascii_lowercase(),
            // RFC 5646 §2.1.1: scripts in title case, regions in capitals.
            (1.., 4) if letters => part[..1].to_ascii_uppercase() + &part[1..].to_ascii_lowercase(),
            (1.., 2) if letters => part.to_ascii_uppercase(),
            (1.., 3) if digits => part.to_owned(),
            (1.., 4..=8) if part.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                part.to_ascii_lowercase()
            }
            _ => return None,
        };
        if at > 0 {
            tag.push('-');
        }
        tag.push_str(&part);
    }
    Some(tag)
}

/// The language of a language tag: `de` of `de-CH`.
#[must_use]
pub fn language_part(text: &str) -> Option<String> {
    let mut tag = language_tag(text)?;
    tag.truncate(tag.find('-').unwrap_or(tag.len()));
    Some(tag)
}

/// The region of a language tag: `CH` of `de-CH`, `419` of `es-419`; `None` where it has none.
#[must_use]
pub fn region_part(text: &str) -> Option<String> {
    let tag = language_tag(text)?;
    let is_region = |part: &&str| match part.len() {
        2 => part.bytes().all(|byte| byte.is_ascii_alphabetic()),
        3 => part.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    tag.split('-').skip(1).find(is_region).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_tags_take_their_usual_case() {
        let pairs = [
            ("de_ch", "de-CH"),
            ("EN-us", "en-US"),
            ("zh_hant_tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("fr", "fr"),
            ("de_DE.UTF-8", "de-DE"),
            ("sl-rozaj", "sl-rozaj"),
        ];
        for (from, to) in pairs {
            assert_eq!(language_tag(from).as_deref(), Some(to));
        }
        for rubbish in ["", "German", "d", "de--DE", "de-D", "123", "de DE"] {
            assert_eq!(language_tag(rubbish), None, "{rubbish}");
        }
    }
}
