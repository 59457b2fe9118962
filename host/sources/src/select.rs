//! Which SQL may be run: a single SELECT. Anything else in a source's configuration is a
//! mistake, and is said before the database is asked.
//!
//! The connection is opened for reading, so nothing could be changed anyhow; this is about
//! saying clearly what is wrong.

/// Quotes the name of a table or column.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whose SQL it is: what counts as quoted is not the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// <https://www.sqlite.org/lang_keywords.html>: names may stand in backticks or brackets, too.
    Sqlite,
    /// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>: strings may have escapes (`E'\\''`) or stand
    /// between dollars (`$$…$$`, `$tag$…$tag$`), and comments may hold comments.
    Postgres,
}

/// Checks that text is one statement, and one that only reads. Gives it back without a closing semicolon.
///
/// # Errors
/// A sentence that says what it is instead.
pub(crate) fn single_select(sql: &str, dialect: Dialect) -> Result<&str, String> {
    let mut first_word = None;
    let mut end = None;
    for token in (Tokens { rest: sql, all: sql, dialect }) {
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
    (Tokens { rest: sql, all: sql, dialect: Dialect::Sqlite }).find_map(|token| match token {
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
    dialect: Dialect,
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
                self.skip_comment();
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
        let mut word_length = word_end(self.rest);
        if word_length > 0 {
            if self.dialect == Dialect::Postgres {
                // A name may have dollars in it, which begin no string then.
                let in_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
                word_length = self.rest.find(|c| !in_name(c)).unwrap_or(self.rest.len());
            }
            let (word, rest) = self.rest.split_at(word_length);
            self.rest = rest;
            if self.dialect == Dialect::Postgres
                && word.eq_ignore_ascii_case("e")
                && let Some(text) = rest.strip_prefix('\'')
            {
                self.rest = text;
                self.skip_escaped();
                return Token::Other;
            }
            return Token::Word(word);
        }
        if self.dialect == Dialect::Postgres
            && let Some(mark) = dollar_mark(self.rest)
        {
            self.rest = &self.rest[mark.len()..];
            self.skip_past(mark);
            return Token::Other;
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
            '`' if self.dialect == Dialect::Sqlite => self.skip_past("`"),
            '[' if self.dialect == Dialect::Sqlite => self.skip_past("]"),
            _ => {}
        }
        Token::Other
    }

    /// Past the end of a string with escapes. `\'` is a quote inside it; `''` reads as two strings side by side.
    fn skip_escaped(&mut self) {
        let mut escaped = false;
        let end = self.rest.find(|c: char| {
            let is_end = c == '\'' && !escaped;
            escaped = c == '\\' && !escaped;
            is_end
        });
        self.rest = end.map_or("", |end| &self.rest[end + 1..]);
        // The second of two strings side by side has the escapes of the first.
        if let Some(more) = self.rest.strip_prefix('\'') {
            self.rest = more;
            self.skip_escaped();
        }
    }

    /// Past the end of a comment whose beginning was read.
    fn skip_comment(&mut self) {
        if self.dialect == Dialect::Sqlite {
            return self.skip_past("*/");
        }
        let mut open = 1_usize;
        while open > 0 {
            let Some(at) = self.rest.find(['*', '/']) else {
                self.rest = "";
                return;
            };
            let rest = &self.rest[at..];
            let step = match rest.get(..2) {
                Some("/*") => {
                    open += 1;
                    2
                }
                Some("*/") => {
                    open -= 1;
                    2
                }
                _ => 1,
            };
            self.rest = &rest[step..];
        }
    }

    fn skip_past(&mut self, end: &str) {
        self.rest = self.rest.split_once(end).map_or("", |(_, rest)| rest);
    }
}

/// What a string between dollars begins with, if this is one: `$$`, `$tag$`. `$1` is a parameter.
fn dollar_mark(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('$')?;
    let end = inside.find('$')?;
    let tag = &inside[..end];
    let is_name = tag.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !tag.starts_with(|c: char| c.is_ascii_digit());
    is_name.then(|| &text[..end + 2])
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
            assert_eq!(single_select(sql, Dialect::Sqlite).unwrap(), taken);
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
            assert_eq!(single_select(sql, Dialect::Sqlite).unwrap_err(), message, "{sql}");
        }
    }

    #[test]
    fn a_semicolon_in_a_string_of_postgresql_ends_nothing() {
        for sql in [
            r"SELECT E'it\'s; fine' AS x",
            r"SELECT e'a\\' AS x, ';' AS y",
            r"SELECT E'it''s\'; still inside' AS x",
            "SELECT $$a; b'$$ AS x",
            "SELECT $tag$a; $$ b; $tag$ AS x",
            "SELECT tags[1], ARRAY[';'] FROM people",
            "SELECT a$b, ';' FROM people$2",
            "SELECT 1 /* a; /* b; */ c; */",
            "SELECT 'a' WHERE x = $1",
        ] {
            assert_eq!(single_select(sql, Dialect::Postgres).as_deref(), Ok(sql), "{sql}");
        }
        let several = "the query holds several statements; write a single SELECT";
        for sql in [
            r"SELECT E'a\\'; DROP TABLE people; --'",
            r"SELECT 'a\'; DROP TABLE people",
            "SELECT $$a$$; DROP TABLE people",
            "SELECT $a$ $b$ $a$; DROP TABLE people; $b$",
            "SELECT a$$; DROP TABLE people; $$",
            "SELECT $1; DROP TABLE people; $1",
            "SELECT 1 /* /* */ */; DROP TABLE people",
            "SELECT `a; DROP TABLE people",
            "SELECT 1 AS e; SELECT 'a\\'",
        ] {
            assert_eq!(single_select(sql, Dialect::Postgres).unwrap_err(), several, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(sql in "[SELECT ;'\"\\-*/\n\\[\\]é$\\\\e]{0,40}") {
            let _ = (single_select(&sql, Dialect::Sqlite), single_select(&sql, Dialect::Postgres));
        }

        #[test]
        fn a_quoted_name_is_a_single_token(name in "\\PC{1,20}") {
            let sql = format!("SELECT {}", quoted(&name));
            for dialect in [Dialect::Sqlite, Dialect::Postgres] {
                prop_assert_eq!(single_select(&sql, dialect).unwrap(), &sql);
            }
        }
    }
}
