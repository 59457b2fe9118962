//! `[recording]`: which calls of modules are written down, and what of them is not.
//!
//! Nothing is recorded without this table: records hold people's data.

use super::reader::TableReader;
use scimwright_record::ModuleName;
use std::path::{Path, PathBuf};

/// How many calls of a module are kept unless the configuration says otherwise.
const DEFAULT_LIMIT: u64 = 1_000;

/// A `[recording]`.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    /// Where the files go.
    pub(crate) folder: PathBuf,
    /// The modules whose calls are recorded.
    pub(crate) modules: Vec<ModuleName>,
    /// Fields whose values are replaced by others that look like them.
    pub(crate) mask: Vec<String>,
    /// Fields that are left out.
    pub(crate) drop: Vec<String>,
    /// How many calls of a module are kept.
    pub(crate) limit: u64,
}

impl Recording {
    pub(super) fn read(table: TableReader<'_>, base: &Path) -> Option<Self> {
        let folder = table.required_text("folder", "\"recordings\"").map(|folder| base.join(folder.value));
        if !table.has("modules") {
            table.missing("modules", "[\"corp-user\"]");
        }
        let modules = table.parsed_list::<ModuleName>("modules");
        let fields = |key| -> Vec<_> {
            table.texts(key).unwrap_or_default().into_iter().map(|field| (field.value, field.span)).collect()
        };
        let (mask, drop) = (fields("mask"), fields("drop"));
        for (field, span) in &mask {
            if drop.iter().any(|(dropped, _)| dropped == field) {
                let message = format!("`{field}` stands in `mask` and in `drop`");
                table.file().note_with_help(span.clone(), message, "keep it in one of them");
            }
        }
        let limit = table.whole_number("limit", 1..=10_000_000).unwrap_or(DEFAULT_LIMIT);
        table.finish();
        let names = |fields: Vec<(String, _)>| fields.into_iter().map(|(field, _)| field).collect();
        Some(Self {
            folder: folder?,
            modules: modules?.into_iter().map(|name| name.value).collect(),
            mask: names(mask),
            drop: names(drop),
            limit,
        })
    }
}
