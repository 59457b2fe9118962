//! What a configuration says, as digests of its parts, for whoever has to know whether it changed.
//!
//! They are taken of what the file says and not of how it is written: comments, spaces and the order of keys have no
//! part in them. Secrets do not stand in a configuration, only where they are to be found.

use super::model::Tenant;
use super::{FILE_NAME, Misconfigured};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// The tables that hold one table for each name.
const NAMED: [&str; 3] = ["source", "provider", "module"];

/// The digests of the parts, by what people call them: `[source.hr]`.
pub(crate) fn parts(tenant: &Tenant) -> anyhow::Result<BTreeMap<String, String>> {
    let path = tenant.folder.join(FILE_NAME);
    let unreadable =
        |error: &dyn std::fmt::Display| Misconfigured(format!("{} cannot be read: {error}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&error))?;
    let document: Table = text.parse().map_err(|error| unreadable(&error))?;
    let mut parts = of_document(&document);
    // What does not stand in this file, and has a part in what becomes of records.
    let limits = tenant.modules.iter().map(|module| (&module.name, &module.limits));
    let limits = format!("{:?} {:?}", tenant.limits, limits.collect::<BTreeMap<_, _>>());
    parts.insert("limits of modules".to_owned(), digest(&limits));
    for provider in &tenant.providers {
        let name = format!("profile of provider {}", provider.name);
        parts.insert(name, digest(&format!("{:?}", provider.profile)));
    }
    Ok(parts)
}

fn of_document(document: &Table) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    for (key, value) in document {
        match value {
            Value::Table(table) if NAMED.contains(&key.as_str()) => {
                for (name, value) in table {
                    parts.insert(format!("[{key}.{name}]"), digest(&canonical(value)));
                }
            }
            value => {
                parts.insert(format!("[{key}]"), digest(&canonical(value)));
            }
        }
    }
    parts
}

fn digest(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// A value in the one form that all its spellings have.
fn canonical(value: &Value) -> String {
    match value {
        Value::Table(table) => {
            let sorted: BTreeMap<_, _> = table.iter().map(|(key, value)| (key, canonical(value))).collect();
            format!("{sorted:?}")
        }
        Value::Array(items) => format!("{:?}", items.iter().map(canonical).collect::<Vec<_>>()),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> BTreeMap<String, String> {
        of_document(&text.parse().unwrap())
    }

    #[test]
    fn only_what_a_configuration_says_counts_and_the_part_that_changed_is_named() {
        let first = parts("[source.hr]\npath = 'a.csv'\nkey = \"id\"\n[serve]\ninterval = \"5m\"\n");
        let same = parts(
            "# People.\n[serve]\ninterval = '5m'\n\n[source.hr]\nkey = 'id' # theirs\npath = 'a.csv'\n",
        );
        assert_eq!(first, same);
        let other = parts("[source.hr]\npath = 'b.csv'\nkey = 'id'\n[serve]\ninterval = \"5m\"\n");
        let changed: Vec<_> = first.keys().filter(|part| first[*part] != other[*part]).collect();
        assert_eq!(changed, ["[source.hr]"]);
        assert_ne!(parts("[a]\nb = '1'"), parts("[a]\nb = 1"));
    }
}
