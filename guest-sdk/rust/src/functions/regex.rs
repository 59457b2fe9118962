//! Patterns that mean the same in every guest SDK.
//!
//! The engines of Rust, JavaScript and Python agree on a small language, and silently differ beyond it: what
//! `\s`, `$` and `(?i)` match, what an escape is, where an empty match stands. So a pattern is checked first, and
//! what only some of them understand is an error that says so.
//!
//! | written | matches |
//! |---|---|
//! | `.` | any character but a line feed |
//! | `[a-z]` `[^,;]` | one of these; none of these |
//! | `\d` `\w` `\s` `\D` `\W` `\S` | digit, word character, white space and their opposites, ASCII only |
//! | `^` `$` `\b` | the start and the end of the whole text, the edge of an ASCII word |
//! | `(…)` `(?:…)` `a\|b` | a group, one that is not counted, either |
//! | `*` `+` `?` `{2}` `{2,}` `{2,5}` | so many times; with a `?` behind, as few as possible; behind `(…)` only `?` |
//! | `\n` `\r` `\t` and `\` before `^$\.*+?()[]{}\|/`, in a class `-` too | that character |

use super::FunctionError;
use regex_lite::{Captures, Regex};

/// A pattern that has been checked and read, for mappings that use one often:
/// `static CODE: LazyLock<Result<Pattern, FunctionError>>`.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`FunctionError::Pattern`] when it is wrong, or means something only in some SDKs.
    pub fn new(pattern: &str) -> Result<Self, FunctionError> {
        let wrong = |problem: String| FunctionError::Pattern { pattern: pattern.to_owned(), problem };
        Check { rest: pattern.chars().collect(), at: 0 }.pattern().map_err(wrong)?;
        Regex::new(pattern).map(|regex| Self { regex }).map_err(|error| wrong(error.to_string()))
    }

    /// Whether it matches anywhere in the text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The first group of the first match, unless it is empty; or the whole match when the pattern has no group.
    #[must_use]
    pub fn extract<'a>(&self, text: &'a str) -> Option<&'a str> {
        let group = usize::from(self.regex.captures_len() > 1);
        let found = self.regex.captures(text)?.get(group)?.as_str();
        // Engines differ in whether a group that can be empty took part.
        (group == 0 || !found.is_empty()).then_some(found)
    }

    /// The text with every match replaced, but for empty ones. `$0` is the match, `$1` to `$9` are its groups, `$$`
    /// is a dollar.
    ///
    /// # Errors
    /// [`FunctionError::Pattern`] when the pattern matches the empty text, where engines differ, or lacks a group
    /// of the replacement.
    pub fn replace(&self, text: &str, replacement: &str) -> Result<String, FunctionError> {
        let wrong = |problem: &str| FunctionError::Pattern {
            pattern: self.regex.as_str().to_owned(),
            problem: problem.to_owned(),
        };
        if self.regex.is_match("") {
            return Err(wrong("matches the empty text, and where that would be replaced is not portable"));
        }
        if groups_of(replacement).any(|group| group >= self.regex.captures_len()) {
            return Err(wrong("does not have a group that the replacement names"));
        }
        let mut replaced = String::with_capacity(text.len());
        let (mut done, mut from) = (0, 0);
        while let Some(captures) = self.regex.captures_at(text, from) {
            let Some(found) = captures.get(0) else { break };
            from = found.end();
            if found.is_empty() {
                // `\b\d*` can be empty where there is something else. Iterators of engines differ in where they
                // go on; this is what all SDKs do.
                let Some(next) = text[from..].chars().next() else { break };
                from += next.len_utf8();
                continue;
            }
            replaced.push_str(&text[done..found.start()]);
            expand(&mut replaced, replacement, &captures);
            done = from;
        }
        replaced.push_str(&text[done..]);
        Ok(replaced)
    }
}

/// The text with every match of the pattern replaced: see [`Pattern::replace`] and the [language](self).
///
/// ```
/// use scimwright_guest::functions::replace_regex;
///
/// assert_eq!(replace_regex("Lovelace, Ada", r"^(\w+),\s*(\w+)$", "$2 $1")?, "Ada Lovelace");
/// # Ok::<(), scimwright_guest::functions::FunctionError>(())
/// ```
///
/// # Errors
/// [`FunctionError::Pattern`], as for [`Pattern::new`] and [`Pattern::replace`].
pub fn replace_regex(text: &str, pattern: &str, replacement: &str) -> Result<String, FunctionError> {
    Pattern::new(pattern)?.replace(text, replacement)
}

/// Whether the pattern matches anywhere in the text.
///
/// # Errors
/// [`FunctionError::Pattern`], as for [`Pattern::new`].
pub fn matches_regex(text: &str, pattern: &str) -> Result<bool, FunctionError> {
    Ok(Pattern::new(pattern)?.matches(text))
}

/// The first group of the pattern's first match, unless it is empty; or the whole match when it has no group.
///
/// # Errors
/// [`FunctionError::Pattern`], as for [`Pattern::new`].
pub fn extract_regex<'a>(text: &'a str, pattern: &str) -> Result<Option<&'a str>, FunctionError> {
    Ok(Pattern::new(pattern)?.extract(text))
}

/// The groups that a replacement names.
fn groups_of(replacement: &str) -> impl Iterator<Item = usize> {
    pieces(replacement).filter_map(|piece| match piece {
        Piece::Group(group) => Some(group),
        Piece::Literal(_) => None,
    })
}

fn expand(replaced: &mut String, replacement: &str, captures: &Captures<'_>) {
    for piece in pieces(replacement) {
        match piece {
            Piece::Group(group) => replaced.push_str(captures.get(group).map_or("", |found| found.as_str())),
            Piece::Literal(c) => replaced.push(c),
        }
    }
}

enum Piece {
    Group(usize),
    Literal(char),
}

fn pieces(replacement: &str) -> impl Iterator<Item = Piece> {
    let mut rest = replacement.chars().peekable();
    std::iter::from_fn(move || {
        let c = rest.next()?;
        if c != '$' {
            return Some(Piece::Literal(c));
        }
        if rest.next_if_eq(&'$').is_some() {
            return Some(Piece::Literal('$'));
        }
        let digit = rest.next_if(char::is_ascii_digit).and_then(|digit| digit.to_digit(10));
        Some(digit.map_or(Piece::Literal('$'), |digit| Piece::Group(digit as usize)))
    })
}

/// Finds what only some engines understand. What none understands is left to the engine here.
struct Check {
    rest: Vec<char>,
    at: usize,
}

/// What may be escaped anywhere.
const SYNTAX: &str = "^$\\.*+?()[]{}|/";

impl Check {
    fn pattern(mut self) -> Result<(), String> {
        // Whether what was just read can be repeated.
        let mut repeatable = false;
        // Whether it was a group that is counted or has one in it; and the same of the groups around.
        let mut counted = false;
        let mut around = Vec::new();
        while let Some(c) = self.take() {
            let was_counted = std::mem::take(&mut counted);
            repeatable = match c {
                '\\' => match self.take() {
                    Some('b') => false,
                    Some(c) if "dDwWsSnrt".contains(c) || SYNTAX.contains(c) => true,
                    Some(c) => return Err(not_portable(&format!("\\{c}"))),
                    None => return Err("ends in a backslash".to_owned()),
                },
                '[' => {
                    self.class()?;
                    true
                }
                ']' | '}' => return Err(not_portable(&c.to_string())),
                '(' => {
                    let plain = self.take_if('?');
                    if plain && !self.take_if(':') {
                        return Err(not_portable("(?"));
                    }
                    around.push(!plain);
                    false
                }
                ')' => {
                    counted = around.pop().unwrap_or_default();
                    if let (true, Some(outer)) = (counted, around.last_mut()) {
                        *outer = true;
                    }
                    true
                }
                '^' | '$' | '|' => false,
                '*' | '+' | '?' | '{' => {
                    if c == '{' {
                        self.count()?;
                    }
                    if !repeatable {
                        return Err(format!("has nothing that `{c}` could repeat, which is not portable"));
                    }
                    // What a group has of an earlier turn, some forget.
                    if was_counted && c != '?' {
                        return Err(format!(
                            "has `{c}` behind a group that is counted, which is not portable: write `(?:…)`"
                        ));
                    }
                    self.take_if('?');
                    false
                }
                _ => true,
            };
        }
        Ok(())
    }

    /// `{2}`, `{2,}` or `{2,5}`, after the brace.
    fn count(&mut self) -> Result<(), String> {
        let from = self.number();
        let to = if self.take_if(',') { self.number() } else { from };
        match from {
            Some(from)
                if self.take_if('}') && from <= 1000 && to.is_none_or(|to| (from..=1000).contains(&to)) =>
            {
                Ok(())
            }
            _ => {
                Err(not_portable("{") + ", but for a count such as `{2}`, `{2,}` or `{2,5}` of at most 1000")
            }
        }
    }

    fn number(&mut self) -> Option<u32> {
        let mut number: Option<u32> = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            self.at += 1;
            number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit));
        }
        number
    }

    /// A class, after the bracket.
    fn class(&mut self) -> Result<(), String> {
        self.take_if('^');
        if self.peek() == Some(']') {
            return Err(not_portable("[]"));
        }
        // The character that a `-` would make a range of; none at the start and behind a range or `\d`.
        let mut start = None;
        let mut first = true;
        while let Some(c) = self.take() {
            let next = self.peek();
            match c {
                ']' => return Ok(()),
                '[' => return Err(not_portable("[ in a class")),
                '&' | '~' | '|' if next == Some(c) => {
                    return Err(not_portable(&format!("{c}{c} in a class")));
                }
                '-' if next == Some('-') => return Err(not_portable("-- in a class")),
                '-' if first || next == Some(']') => start = None,
                '-' => {
                    let Some(from) = start.take() else { return Err(not_portable("- in a class")) };
                    let Some(to) = self.class_character()? else {
                        return Err(not_portable("a range with a class at its end"));
                    };
                    if from > to {
                        return Err(format!("has a range `{from}-{to}` that runs backwards"));
                    }
                }
                _ => {
                    self.at -= 1;
                    start = self.class_character()?;
                    if start.is_none() && self.peek() == Some('-') && self.rest.get(self.at + 1) != Some(&']')
                    {
                        return Err(not_portable("a range with a class at its start"));
                    }
                }
            }
            first = false;
        }
        Err("has a class that is not closed".to_owned())
    }

    /// A character of a class, escaped or not; `None` for `\d` and its like.
    fn class_character(&mut self) -> Result<Option<char>, String> {
        match self.take() {
            Some('\\') => match self.take() {
                Some('d' | 'w' | 's') => Ok(None),
                Some('n') => Ok(Some('\n')),
                Some('r') => Ok(Some('\r')),
                Some('t') => Ok(Some('\t')),
                Some(c) if c == '-' || SYNTAX.contains(c) => Ok(Some(c)),
                Some(c) => Err(not_portable(&format!("\\{c} in a class"))),
                None => Err("ends in a backslash".to_owned()),
            },
            Some('[') => Err(not_portable("[ in a class")),
            Some(c) => Ok(Some(c)),
            None => Err("has a class that is not closed".to_owned()),
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn take_if(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }
}

fn not_portable(what: &str) -> String {
    format!("`{what}` is not portable: the engines of the SDKs differ about it")
}
