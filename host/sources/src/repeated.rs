//! Which keys several rows have.
//!
//! A database is asked. A file is read once for nothing but its keys, of which eight bytes each are kept, and once more
//! where two of them are the same.

use crate::select::quoted;
use futures::StreamExt;
use scimwright_record::{MAX_REPEATED, RecordKey, RecordSource, SourceError};
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// How many rows are looked at: 32 MiB of hashes.
const ROWS: usize = 1 << 22;

/// How many rows are taken together.
const HANDFUL: usize = 500;

/// Asks for the keys in this column that more than one row has.
pub(crate) fn select(key: &str, relation: &str) -> String {
    let key = format!("source.{}", quoted(key));
    // As text, as a key is compared: the number 7 and the text '7' are one key.
    format!(
        "SELECT CAST({key} AS text) FROM {relation} AS source WHERE {key} IS NOT NULL GROUP BY CAST({key} AS text) \
         HAVING count(*) > 1 LIMIT {MAX_REPEATED}"
    )
}

/// Reads a source for its keys.
pub(crate) async fn by_reading(source: &dyn RecordSource) -> Result<Vec<RecordKey>, SourceError> {
    let hasher = RandomState::new();
    let mut hashes: Vec<u64> = Vec::new();
    let mut rows = source.read().await?.take(ROWS).ready_chunks(HANDFUL);
    while let Some(some) = rows.next().await {
        // Where it breaks off, the reading that counts does so too.
        let keys = some.iter().filter_map(|row| row.as_ref().ok()?.key());
        hashes.extend(keys.map(|key| hasher.hash_one(key)));
    }
    hashes.sort_unstable();
    let repeated: HashSet<u64> =
        hashes.windows(2).filter(|pair| pair.first() == pair.last()).flatten().copied().collect();
    drop(hashes);
    if repeated.is_empty() {
        return Ok(Vec::new());
    }
    // Two keys may have one hash.
    let (mut once, mut twice) = (HashSet::new(), HashSet::new());
    let mut rows = source.read().await?.take(ROWS);
    while let Some(Ok(row)) = rows.next().await {
        let Some(key) = row.key().filter(|key| repeated.contains(&hasher.hash_one(key))) else { continue };
        if !once.insert(key.clone()) && twice.len() < MAX_REPEATED {
            twice.insert(key.clone());
        }
    }
    Ok(twice.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{name, run};
    use crate::{CsvOptions, CsvSource};

    #[test]
    fn a_file_names_the_keys_of_several_rows_also_where_one_is_broken_or_the_file_breaks_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.csv");
        let of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let source = CsvSource::new(CsvOptions::new(name(), &path, "id"));
            let mut keys = run(source.repeated_keys()).unwrap().unwrap();
            keys.sort();
            keys.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(of("id,name\nE1,Zoë\nE2,Ari\n"), Vec::<String>::new());
        let far: String = (10..3000).map(|number| format!("E{number},x\n")).collect();
        assert_eq!(
            of(&format!("id,name\nE1,Zoë\nE2,Ari\nE3,Lu\n{far}E2,Bo,one too many\nE1,Zoë\n")),
            ["E1", "E2"]
        );
        assert_eq!(of("id,name\nE1,Zoë\nE1,Ari\n\"E3,open\n"), ["E1"]);
    }
}
