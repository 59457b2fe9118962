//! `server.toml`: what the operator of a server with many tenants says above all of them.
//!
//! ```toml
//! [limits]                    # nobody exceeds these
//! memory_mb = 64
//!
//! [tenant.acme.limits]        # but this tenant may, or may have less
//! memory_mb = 256
//! ```

use super::limits::Ceilings;
use super::parse::unknown_name;
use super::problem::{Problem, Problems, SourceText};
use super::reader::{FileReader, TableReader};
use std::path::Path;

/// The name of the file, beside `tenants/`.
pub(crate) const FILE_NAME: &str = "server.toml";

/// What a server allows.
#[derive(Debug, Clone, Default)]
pub(super) struct Server {
    everybody: Ceilings,
    tenants: Vec<(String, Ceilings)>,
}

impl Server {
    /// Reads the file of a folder; a folder without one sets no ceilings. `tenants` are those that there are, where
    /// all of them are known.
    pub(super) fn load(dir: &Path, tenants: Option<&[&str]>) -> Result<Self, Problems> {
        let file = dir.join(FILE_NAME);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                let place = SourceText { file, text: "".into() };
                return Err(Problems(vec![Problem::of_file(
                    &place,
                    format!("the file cannot be read: {error}"),
                )]));
            }
        };
        let reader = FileReader::new(SourceText { file, text: text.as_str().into() });
        let server = reader.document(&text, |document| Self::read(&reader, document, tenants));
        let problems = reader.into_problems();
        if problems.is_empty() { Ok(server) } else { Err(Problems(problems)) }
    }

    fn read(file: &FileReader, document: &toml::de::DeTable<'_>, known: Option<&[&str]>) -> Self {
        let root = TableReader::new(file, "", document, 0..0);
        // Read by whoever serves.
        root.raw("serve");
        let none = Ceilings::default();
        let everybody = root.table("limits").map(|table| Ceilings::read(table, &none)).unwrap_or_default();
        let mut tenants = Vec::new();
        for (name, table) in root.named_tables("tenant") {
            if let Some(known) = known
                && !known.contains(&name.value.as_str())
            {
                unknown_name(file, &name, "tenant", known.iter().copied());
            }
            let ceilings = table.table("limits").map(|limits| Ceilings::read(limits, &everybody));
            table.finish();
            tenants.push((name.value, ceilings.unwrap_or_else(|| everybody.clone())));
        }
        root.finish();
        Self { everybody, tenants }
    }

    /// What a tenant may have at most.
    pub(super) fn ceilings(&self, tenant: &str) -> Ceilings {
        let own = self.tenants.iter().find(|(name, _)| name == tenant);
        own.map_or_else(|| self.everybody.clone(), |(_, ceilings)| ceilings.clone())
    }
}
