//! The login name of somebody who has no mail address.

use scimwright_guest::functions;

/// `given.family@domain` in plain lower-case letters: `Zoë O’Brien-van der Berg` becomes
/// `zoe.obrien-vanderberg@example.com`. `None` when no plain letter is left of both names, or there is no
/// domain. Two people of one name get the same: the provider refuses the second (409), and the answer is a
/// mail address in the source.
pub(crate) fn from_name(given: &str, family: &str, domain: Option<&str>) -> Option<String> {
    let parts: Vec<String> = [given, family].into_iter().map(plain).filter(|part| !part.is_empty()).collect();
    let domain = domain?.to_lowercase();
    (!parts.is_empty()).then(|| format!("{}@{domain}", parts.join(".")))
}

/// Plain lower-case letters, digits, and hyphens between them.
fn plain(name: &str) -> String {
    let mut plain = functions::to_ascii(name).to_ascii_lowercase();
    plain.retain(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    plain.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(given: &str, family: &str) -> Option<String> {
        from_name(given, family, Some("Example.com"))
    }

    #[test]
    fn a_login_name_has_plain_letters_only() {
        let pairs = [
            ("Zoë", "O’Brien-van der Berg", "zoe.obrien-vanderberg@example.com"),
            ("José María", "Núñez", "josemaria.nunez@example.com"),
            ("Łukasz", "Żółć", "lukasz.zolc@example.com"),
            ("Юлия", "Щербакова", "yuliya.shcherbakova@example.com"),
            ("", "Suharto", "suharto@example.com"),
            ("-Ada-", "", "ada@example.com"),
        ];
        for (given, family, login) in pairs {
            assert_eq!(built(given, family).as_deref(), Some(login));
        }
    }

    #[test]
    fn nothing_plain_left_means_no_login_name() {
        assert_eq!(built("太郎", "山田"), None);
        assert_eq!(built("", ""), None);
        assert_eq!(from_name("Ada", "Lovelace", None), None);
    }
}
