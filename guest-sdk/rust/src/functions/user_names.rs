//! Login names: which to try, and which is free.

use super::FunctionError;
use super::letters::to_ascii;
use super::text::left;

/// The most candidates that are made.
const MOST: usize = 1000;

/// Login names to try in turn, built from the parts of a name: up to `count`, each once.
///
/// In a pattern `{name}` is a part, `{name:3}` its first three characters, and `{n}` a number: a pattern with one
/// gives candidates for 2, 3, 4 … until there are `count`. Parts are made plain: ASCII, lower case, letters,
/// digits and inner hyphens only. Separators (`. _ -`) that an empty part leaves at an end or doubled before the
/// `@` are dropped, and so is a candidate whose parts are all empty.
///
/// ```
/// use scimwright_guest::functions::user_name_candidates;
///
/// let patterns = ["{given}.{family}", "{given:1}.{family}", "{given}.{family}{n}"];
/// let candidates = user_name_candidates(&patterns, &[("given", "Zoë"), ("family", "O’Brien")], 4)?;
/// assert_eq!(candidates, ["zoe.obrien", "z.obrien", "zoe.obrien2", "zoe.obrien3"]);
/// # Ok::<(), scimwright_guest::functions::FunctionError>(())
/// ```
///
/// # Errors
/// [`FunctionError::Pattern`] when a pattern names a part that is not there, or a brace is not closed.
pub fn user_name_candidates(
    patterns: &[&str],
    parts: &[(&str, &str)],
    count: usize,
) -> Result<Vec<String>, FunctionError> {
    let parts: Vec<(&str, String)> = parts.iter().map(|(name, text)| (*name, plain(text))).collect();
    let count = count.min(MOST);
    let mut candidates: Vec<String> = Vec::new();
    for pattern in patterns {
        let pieces = pieces(pattern, &parts)?;
        let numbered = pieces.iter().any(|piece| matches!(piece, Piece::Number));
        let mut number = 2;
        while candidates.len() < count {
            let Some(candidate) = fill(&pieces, number) else { break };
            if !candidates.contains(&candidate) {
                candidates.push(candidate);
            }
            // A number that is lost to the separators around it would go on for ever.
            if !numbered || number > count + MOST {
                break;
            }
            number += 1;
        }
    }
    Ok(candidates)
}

/// The first candidate that is not taken, compared without case.
///
/// ```
/// use scimwright_guest::functions::first_free;
///
/// assert_eq!(first_free(["ada", "ada2"], ["ADA"]), Some("ada2"));
/// ```
pub fn first_free<C: AsRef<str>, T: AsRef<str>>(
    candidates: impl IntoIterator<Item = C>,
    taken: impl IntoIterator<Item = T>,
) -> Option<C> {
    let taken: Vec<String> = taken.into_iter().map(|name| name.as_ref().to_lowercase()).collect();
    candidates.into_iter().find(|candidate| !taken.contains(&candidate.as_ref().to_lowercase()))
}

enum Piece<'a> {
    Literal(String),
    Part(&'a str),
    Number,
}

fn pieces<'a>(pattern: &str, parts: &'a [(&str, String)]) -> Result<Vec<Piece<'a>>, FunctionError> {
    let wrong = |problem: String| FunctionError::Pattern { pattern: pattern.to_owned(), problem };
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        if !rest[at..].starts_with('{') {
            return Err(wrong("has a `}` without its `{`".to_owned()));
        }
        pieces.push(Piece::Literal(rest[..at].to_lowercase()));
        let Some((inside, after)) = rest[at + 1..].split_once('}') else {
            return Err(wrong("has a `{` that is not closed".to_owned()));
        };
        rest = after;
        let (name, shortened) = match inside.split_once(':') {
            Some((name, count)) => {
                let count = count.parse::<usize>();
                (name, Some(count.map_err(|_| wrong(format!("has `{{{inside}}}`, which has no number")))?))
            }
            None => (inside, None),
        };
        pieces.push(match parts.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => Piece::Part(shortened.map_or(text.as_str(), |count| left(text, count))),
            None if inside == "n" => Piece::Number,
            None => return Err(wrong(format!("names `{name}`, which is not among the parts"))),
        });
    }
    pieces.push(Piece::Literal(rest.to_lowercase()));
    Ok(pieces)
}

fn fill(pieces: &[Piece<'_>], number: usize) -> Option<String> {
    let mut filled = String::new();
    let (mut parts, mut blank) = (0, 0);
    for piece in pieces {
        match piece {
            Piece::Literal(text) => filled.push_str(text),
            Piece::Number => filled.push_str(&number.to_string()),
            Piece::Part(text) => {
                parts += 1;
                blank += usize::from(text.is_empty());
                filled.push_str(text);
            }
        }
    }
    let (local, domain) = filled.split_at(filled.find('@').unwrap_or(filled.len()));
    let mut tidy = String::with_capacity(filled.len());
    for c in local.chars() {
        if !(is_separator(c) && tidy.ends_with(is_separator)) {
            tidy.push(c);
        }
    }
    let tidy = tidy.trim_matches(is_separator);
    let good = !tidy.is_empty() && (parts == 0 || blank < parts);
    good.then(|| format!("{tidy}{domain}"))
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | '_' | '-')
}

/// Plain lower-case letters, digits, and hyphens between them.
fn plain(name: &str) -> String {
    let mut plain = to_ascii(name).to_ascii_lowercase();
    plain.retain(|c| c.is_ascii_alphanumeric() || c == '-');
    plain.trim_matches('-').to_owned()
}
