//! `guest-sdk/FUNCTIONS.md` says what `guest-sdk/functions.json` says.

use crate::functions::shared;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The groups of functions, in the order of the page.
const GROUPS: [(&str, &str); 12] = [
    ("choose", "Choosing"),
    ("text", "Text"),
    ("regex", "Patterns"),
    ("case", "Capital and small letters"),
    ("letters", "Plain letters"),
    ("names", "Names and login names"),
    ("contact", "Mail addresses and telephone numbers"),
    ("codes", "Languages and countries"),
    ("numbers", "Numbers and truth values"),
    ("dates", "Dates and moments"),
    ("lists", "Lists"),
    ("encoding", "Encodings, identifiers, hiding"),
];

#[test]
fn the_page_of_functions_is_in_step_with_the_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../FUNCTIONS.md");
    let wanted = page(&shared());
    if std::env::var_os("UPDATE_PAGE").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let difference = wanted.lines().zip(found.lines().chain(std::iter::repeat(""))).find(|(a, b)| a != b);
    assert!(
        wanted == found,
        "{} is not what functions.json makes, for example\n  {}\nwhere it has\n  {}\nRun \
         UPDATE_PAGE=1 cargo test -p scimwright-guest function_page",
        path.display(),
        difference.map_or("(less)", |(wanted, _)| wanted),
        difference.map_or("(more)", |(_, found)| found),
    );
}

fn page(shared: &Value) -> String {
    let functions = shared["functions"].as_array().unwrap();
    let mut page = String::from(
        "# Functions\n\nWhat a mapping in any language can call. All are pure: the same arguments always give \
         the same answer, in every\nlanguage. [functions.json](functions.json) has the cases that every SDK \
         passes, and makes this page.\n\n\
         - **Names**: as in the tables in Rust (`functions::…`) and Python (`scimwright.functions`); in \
         JavaScript the name in\n  parentheses where it differs.\n\
         - **Absent**: `None` in Rust and Python, `null` or `undefined` in JavaScript. An absent first argument \
         answers absent, but\n  for the functions marked *, which say what they do.\n\
         - **Errors** are for mistakes of the author: a pattern, a format, a unit. What a record can do wrong \
         answers absent, and the\n  mapping decides whether that is an error of the field.\n\
         - **Counts** are of Unicode code points, from 0: `🚀` is one. Where they are from 1, the function says \
         so.\n\n",
    );
    for (group, heading) in GROUPS {
        writeln!(page, "## {heading}\n\n| function | does | example |\n|---|---|---|").unwrap();
        for function in functions.iter().filter(|function| function["group"] == group) {
            row(&mut page, function);
        }
        page.push('\n');
        for function in functions.iter().filter(|function| function["group"] == group) {
            let rules: Vec<_> =
                function["rules"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if !rules.is_empty() {
                writeln!(page, "**{}**: {}\n", text(function, "name"), rules.join(" ")).unwrap();
            }
        }
    }
    assert!(
        functions.iter().all(|function| GROUPS.iter().any(|(group, _)| function["group"] == *group)),
        "a function has a group that has no heading here"
    );
    entra(&mut page, shared);
    page
}

fn row(page: &mut String, function: &Value) {
    let name = text(function, "name");
    let camel = camel(name);
    let signature = text(function, "signature");
    let other = if camel == name { String::new() } else { format!(" ({camel})") };
    let star = if function.get("absent").is_some() { " *" } else { "" };
    // The first case says most; examples of blanks say little.
    let cases = function["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| says_something(case)).unwrap_or(&cases[0]);
    let args: Vec<_> = case["args"].as_array().unwrap().iter().map(ToString::to_string).collect();
    let example = format!("{} → {}", args.join(", "), case["result"]);
    writeln!(page, "| `{signature}`{other}{star} | {} | {} |", text(function, "does"), code(&example))
        .unwrap();
}

/// Whether a case shows what its function does: no error, nothing absent or empty, nothing that cannot be seen.
fn says_something(case: &Value) -> bool {
    let says =
        |value: &Value| !matches!(value, Value::Null) && value != "" && value != &Value::Array(Vec::new());
    let visible = |c: char| {
        !c.is_control()
            && !matches!(c, '\\' | '\u{A0}' | '\u{300}'..='\u{36F}' | '\u{2000}'..='\u{200F}' | '\u{202A}'..='\u{206F}' | '\u{3000}' | '\u{FE0F}' | '\u{FEFF}')
    };
    let args = case["args"].as_array().map(Vec::as_slice).unwrap_or_default();
    let changes = args.first().is_some_and(|first| *first != case["result"]);
    case.get("error").is_none()
        && says(&case["result"])
        && changes
        && says(&args[0])
        && case.to_string().chars().all(visible)
}

fn entra(page: &mut String, shared: &Value) {
    page.push_str(
        "## Coming from Microsoft Entra\n\nThe functions of its attribute mapping expressions and of its Connect \
         Sync rules, and what does the\nsame here. Where they count from 1 or answer 0 for nothing, see above.\n\n| Entra | here |\n|---|---|\n",
    );
    let mut rows: Vec<(String, String)> = Vec::new();
    for function in shared["functions"].as_array().unwrap() {
        for theirs in function["entra"].as_str().into_iter().flat_map(|names| names.split(", ")) {
            let ours = format!("`{}`", text(function, "name"));
            match rows.iter_mut().find(|(known, _)| known == theirs) {
                Some((_, known)) => *known = format!("{known}, {ours}"),
                None => rows.push((theirs.to_owned(), ours)),
            }
        }
    }
    for row in shared["entra"].as_array().unwrap() {
        let named = text(row, "name").split(", ").filter(|name| !rows.iter().any(|(known, _)| known == name));
        let named: Vec<_> = named.collect();
        if !named.is_empty() {
            rows.push((named.join(", "), text(row, "here").to_owned()));
        }
    }
    rows.sort_by_key(|(name, _)| name.to_lowercase());
    for (theirs, ours) in rows {
        writeln!(page, "| {theirs} | {ours} |").unwrap();
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{value} has no `{name}`"))
}

/// `toAscii` for `to_ascii`.
fn camel(name: &str) -> String {
    let mut camel = String::new();
    for (at, word) in name.split('_').enumerate() {
        let (first, rest) = word.split_at(usize::from(at > 0));
        camel += &(first.to_uppercase() + rest);
    }
    camel
}

/// Code in a cell of a table.
fn code(text: &str) -> String {
    let fence = if text.contains('`') { "``" } else { "`" };
    format!("{fence}{}{fence}", text.replace('|', "\\|"))
}
