//! `[scripts]`: whether this configuration may hold JavaScript, and the scripts that stand in its rows.
//!
//! JavaScript has to be built into a component by a tool of its own, which is started here, outside of any
//! sandbox. That is why it is off until somebody allows it.

use super::reader::{Located, TableReader};
use scimwright_record::{InvalidName, ModuleName, ProviderName, ResourceTypeName};
use scimwright_scim::AttributePath;
use std::path::{Path, PathBuf};

/// What names of modules begin with that scimwright makes itself; no file may be called so.
pub(crate) const INLINE_PREFIX: &str = "inline-";

/// `[scripts]`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scripts {
    /// Whether JavaScript may stand in rows and in the folder of modules.
    pub(crate) javascript: bool,
    /// The tool that builds it, where it is not to be looked for.
    pub(crate) tool: Option<PathBuf>,
}

/// The scripts in the rows of one resource type: one module for all of them.
#[derive(Debug, Clone)]
pub(crate) struct InlineModule {
    pub(crate) resource_type: ResourceTypeName,
    pub(crate) name: ModuleName,
    pub(crate) scripts: Vec<Inline>,
}

/// A script, and the row that it stands in.
#[derive(Debug, Clone)]
pub(crate) struct Inline {
    pub(crate) row: String,
    pub(crate) text: String,
}

impl Scripts {
    pub(super) fn read(table: TableReader<'_>, folder: &Path) -> Self {
        let javascript = table.boolean("javascript").unwrap_or(false);
        let tool = table.text("tool").map(|tool| folder.join(tool.value));
        table.finish();
        Self { javascript, tool }
    }
}

/// Collects the scripts of a resource while its rows are read.
pub(super) struct InlineReader<'a> {
    pub(super) scripts: &'a Scripts,
    pub(super) folder: &'a Path,
    pub(super) name: Option<ModuleName>,
    pub(super) found: Vec<Inline>,
}

impl InlineReader<'_> {
    /// Reads `{ js = "…" }` or `{ js_file = "nick.js" }`; returns the module and attribute that it will be.
    pub(super) fn read(
        &mut self,
        row: &Located<String>,
        table: TableReader<'_>,
    ) -> Option<(ModuleName, AttributePath)> {
        let file = table.file();
        let span = table.span();
        let text = match (table.text("js"), table.text("js_file")) {
            (Some(text), None) => Some(text.value),
            (None, Some(path)) => {
                let full = self.folder.join(&path.value);
                std::fs::read_to_string(&full)
                    .map_err(|error| {
                        file.note(path.span, format!("the file {} cannot be read: {error}", full.display()));
                    })
                    .ok()
            }
            _ => {
                if !table.has("js") && !table.has("js_file") || table.has("js") && table.has("js_file") {
                    file.note_with_help(
                        span.clone(),
                        format!("the row `{}` does not say what its script is", row.value),
                        "write { js = \"…\" } or { js_file = \"nick.js\" }",
                    );
                }
                None
            }
        };
        table.finish();
        if !self.scripts.javascript {
            file.note_with_help(
                span,
                format!("the row `{}` holds a script, which this configuration does not allow", row.value),
                "add [scripts] javascript = true; building it needs the tool componentize-qjs",
            );
            return None;
        }
        let attribute = format!("row{}", self.found.len()).parse().ok()?;
        self.found.push(Inline { row: row.value.clone(), text: text? });
        Some((self.name.clone()?, attribute))
    }
}

/// What the module of a resource's inline scripts is called. Manifests want words of lower case with hyphens
/// between them.
pub(super) fn inline_name(
    provider: &ProviderName,
    resource_type: &ResourceTypeName,
) -> Result<ModuleName, InvalidName> {
    const ROOM: usize = 50;
    let plain = format!("{provider}-{resource_type}");
    let words: Vec<String> = plain
        .to_ascii_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let mut name = words.join("-");
    if name != plain.to_ascii_lowercase() || name.len() > ROOM {
        // Two names must not become one.
        let sum = plain.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        name.truncate(ROOM - 9);
        name = format!("{}-{:08x}", name.trim_end_matches('-'), sum >> 32);
    }
    ModuleName::parse(&format!("{INLINE_PREFIX}{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_of_inline_scripts_has_a_name_that_a_manifest_may_have() {
        let name = |provider: &str, kind: &str| {
            inline_name(&provider.parse().unwrap(), &kind.parse().unwrap()).unwrap().to_string()
        };
        assert_eq!(name("acme", "User"), "inline-acme-user");
        assert_ne!(name("a_b", "User"), name("a-b", "User"));
        let long = name(&"p".repeat(64), &"T".repeat(64));
        assert!(long.len() <= 64 && !long.ends_with('-'), "{long}");
    }
}
