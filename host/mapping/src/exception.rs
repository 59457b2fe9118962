//! An exception that nobody caught, found in what a language's runtime printed before it gave up.
//!
//! JavaScript and Python trap without a word about the author's code in the trap itself; what was thrown, and
//! where, stands in what their runtimes print. What is not recognised is still there as the last words.

/// What was thrown and where, in one sentence without a full stop.
pub(crate) fn uncaught(printed: &str) -> Option<String> {
    python(printed).or_else(|| javascript(printed))
}

/// `Traceback (most recent call last):`, a place and its line for every call, the exception.
fn python(printed: &str) -> Option<String> {
    let (_, traceback) = printed.rsplit_once("Traceback (most recent call last):\n")?;
    let mut place = None;
    for line in traceback.lines() {
        if let Some(found) = line.strip_prefix("  File \"") {
            let (file, rest) = found.split_once("\", line ")?;
            let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
            place = Some(format!("{}:{number}", short(file)));
        } else if !line.starts_with(' ') && !line.is_empty() {
            let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
            return Some(format!("it raised `{line}`{place} and did not catch it"));
        }
    }
    None
}

/// `Exception { message: Some("boom"), stack: Some("    at map (/js/map.js:7:36)\n") }`.
fn javascript(printed: &str) -> Option<String> {
    let (_, exception) = printed.split_once("Exception { message: Some(\"")?;
    let (message, rest) = exception.split_once("\"), stack: ")?;
    let place = rest.strip_prefix("Some(\"").and_then(|stack| {
        let first = stack.split("\\n").next()?.trim().trim_start_matches("at ");
        let place = first.rsplit_once('(').map_or(first, |(_, place)| place.trim_end_matches(')'));
        place.contains(':').then(|| format!(" at {}", short(place)))
    });
    let message = message.replace("\\\"", "\"").replace("\\n", " ");
    Some(format!("it threw `{message}`{} and did not catch it", place.unwrap_or_default()))
}

/// A path without the folders that a tool made up around it.
fn short(path: &str) -> &str {
    let path = path.trim_start_matches('/');
    match path.split_once('/') {
        Some((folder, rest)) if folder.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_of_python_is_named_with_its_innermost_place() {
        let printed = "Traceback (most recent call last):\n  File \"/0/sdk.py\", line 3, in run\n    map()\n  \
                       File \"/0/app.py\", line 16, in map\nValueError: boom\n\nthread '<unnamed>' (1) panicked";
        assert_eq!(
            uncaught(printed).unwrap(),
            "it raised `ValueError: boom` at app.py:16 and did not catch it"
        );
    }

    #[test]
    fn an_exception_of_javascript_is_named_with_its_place() {
        let printed = "\nthread '<unnamed>' (1) panicked at crates/runtime/src/interpreter.rs:51:31:\nFailed to \
                       call 'map': Value(Exception(\nException { message: Some(\"boom\"), stack: Some(\"    at map \
                       (/js/map.js:7:36)\\n\") })\n)\nnote: run with";
        assert_eq!(uncaught(printed).unwrap(), "it threw `boom` at js/map.js:7:36 and did not catch it");
    }

    #[test]
    fn other_last_words_are_left_as_they_are() {
        assert_eq!(uncaught("panicked at src/lib.rs:3:5: boom"), None);
        assert_eq!(uncaught("Traceback (most recent call last):\n  File \"x"), None);
    }
}
