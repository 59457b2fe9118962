//! Which SQL may be run: a single SELECT. Anything else in a source's configuration is a
//! mistake, and is said before the database is asked.
//!
//! The connection is opened for reading, so nothing could be changed anyhow; this is about
//! saying clearly what is wrong.

/// Quotes the name of a table or column.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Checks that text is one statement, and one that only reads. Gives it back without a closing semicolon.
///
/// # Errors
/// A sentence that says what it is instead.
pub(crate) fn single_select(sql: &str) -> Result<&str, String> {
    let mut first_word = None;
    let mut end = None;
    for token in (Tokens { rest: sql, all: sql }) {
        match token {
            Token::Semicolon(at) => end = end.or(Some(at)),
            _ if end.is_some() => {
                return Err("the query holds several statements; write a single SELECT".to_owned());
            }
            Token::Word(word) => first_word = first_word.or(Some(word)),
            Token::Parameter(_) | Token::Other => first_word = first_word.or(Some("")),
        }
    }
    match first_word {
        None => Err("the query is empty; write a SELECT".to_owned()),
        Some(word) if ["SELECT", "WITH", "VALUES"].iter().any(|may| word.eq_ignore_ascii_case(may)) => {
            Ok(&sql[..end.unwrap_or(sql.len())])
        }
        Some(word) => Err(format!("the query begins with `{word}`; a source is read with a SELECT")),
    }
}

/// The first parameter in SQL text, as SQLite writes them: `?`, `?1`, `:name`, `@name`, `$name`.
pub(crate) fn parameter(sql: &str) -> Option<&str> {
    (Tokens { rest: sql, all: sql }).find_map(|token| match token {
        Token::Parameter(name) => Some(name),
        _ => None,
    })
}

enum Token<'a> {
    Semicolon(usize),
    Word(&'a str),
    /// <https://www.sqlite.org/lang_expr.html#parameters>
    Parameter(&'a str),
    Other,
}

/// The tokens of SQL text, as far as they matter: quoted text is one token, comments are none.
struct Tokens<'a> {
    rest: &'a str,
    all: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.rest = self.rest.trim_start();
            let first = self.rest.chars().next()?;
            // https://www.sqlite.org/lang_comment.html: a comment that is left open reaches to the end.
            if self.rest.starts_with("--") {
                self.skip_past("\n");
            } else if let Some(comment) = self.rest.strip_prefix("/*") {
                self.rest = comment;
                self.skip_past("*/");
            } else {
                return Some(self.token(first));
            }
        }
    }
}

impl<'a> Tokens<'a> {
    fn token(&mut self, first: char) -> Token<'a> {
        let at = self.all.len() - self.rest.len();
        let word_end =
            |text: &str| text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
        let word_length = word_end(self.rest);
        if word_length > 0 {
            let (word, rest) = self.rest.split_at(word_length);
            self.rest = rest;
            return Token::Word(word);
        }
        if matches!(first, '?' | ':' | '@' | '$') {
            let length = 1 + word_end(&self.rest[1..]);
            let (name, rest) = self.rest.split_at(length);
            self.rest = rest;
            // PostgreSQL's casts, `::text`, and its operators, `@>`, are no parameters.
            return if length > 1 || first == '?' { Token::Parameter(name) } else { Token::Other };
        }
        self.rest = &self.rest[first.len_utf8()..];
        match first {
            ';' => return Token::Semicolon(at),
            // A doubled quote inside reads as two quoted texts side by side, which comes to the same.
            '\'' => self.skip_past("'"),
            '"' => self.skip_past("\""),
            '`' => self.skip_past("`"),
            '[' => self.skip_past("]"),
            _ => {}
        }
        Token::Other
    }

    fn skip_past(&mut self, end: &str) {
        self.rest = self.rest.split_once(end).map_or("", |(_, rest)| rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_reading_statement_is_taken_without_its_semicolon() {
        for (sql, taken) in [
            ("SELECT 1", "SELECT 1"),
            ("  select ';' AS \"a;b\" ; -- done; really\n", "  select ';' AS \"a;b\" "),
            (
                "/* a; */ WITH x AS (SELECT 'it''s;') SELECT * FROM x;",
                "/* a; */ WITH x AS (SELECT 'it''s;') SELECT * FROM x",
            ),
            ("VALUES (1), (2);;", "VALUES (1), (2)"),
            ("SELECT [a;b], `c;d`", "SELECT [a;b], `c;d`"),
        ] {
            assert_eq!(single_select(sql).unwrap(), taken);
        }
    }

    #[test]
    fn anything_else_is_refused_with_a_reason() {
        let several = "the query holds several statements; write a single SELECT";
        for (sql, message) in [
            ("", "the query is empty; write a SELECT"),
            (" -- nothing\n", "the query is empty; write a SELECT"),
            ("SELECT 1; DELETE FROM people", several),
            ("SELECT '\\'; DROP TABLE people; --'", several),
            ("DELETE FROM people", "the query begins with `DELETE`; a source is read with a SELECT"),
            ("pragma user_version", "the query begins with `pragma`; a source is read with a SELECT"),
        ] {
            assert_eq!(single_select(sql).unwrap_err(), message, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(sql in "[SELECT ;'\"\\-*/\n\\[\\]é]{0,40}") {
            let _ = single_select(&sql);
        }

        #[test]
        fn a_quoted_name_is_a_single_token(name in "\\PC{1,20}") {
            let sql = format!("SELECT {}", quoted(&name));
            prop_assert_eq!(single_select(&sql).unwrap(), &sql);
        }
    }
}
