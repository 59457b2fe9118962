//! The configuration folder: one tenant, or many under `tenants/`.
//!
//! Only this module reads configuration files. It hands out plain, checked values; the crates below never
//! see TOML, and never see a key of another tenant.
//!
//! - [`problem`]: a mistake, with file, line and remedy
//! - [`reader`]: TOML tables, read key by key
//! - [`model`]: what a configuration says, as values
//! - [`parse`]: from one to the other, with [`source`], [`provider`], [`attributes`], [`module`], [`limits`], [`scripts`],
//!   [`recording`] and [`secret`] for their tables
//! - [`digest`]: whether it changed
//! - [`server`]: what stands above all tenants

pub(crate) mod attributes;
pub(crate) mod digest;
pub(crate) mod limits;
pub(crate) mod model;
pub(crate) mod module;
pub(crate) mod parse;
pub(crate) mod problem;
pub(crate) mod provider;
pub(crate) mod reader;
pub(crate) mod recording;
pub(crate) mod scripts;
pub(crate) mod secret;
pub(crate) mod serve;
pub(crate) mod server;
pub(crate) mod source;

use limits::Ceilings;
use model::Tenant;
use problem::{Problem, Problems, SourceText};
use reader::FileReader;
use scimwright_record::TenantName;
use server::Server;
use std::path::{Path, PathBuf};

/// The name of the file that makes a folder a configuration.
pub(crate) const FILE_NAME: &str = "scimwright.toml";

/// A mistake outside a configuration file that is the administrator's to correct all the same.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misconfigured(pub(crate) String);

/// Where a tenant's configuration lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TenantFolder {
    /// The tenant.
    pub(crate) name: TenantName,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// What its modules may use at most.
    pub(crate) ceilings: Ceilings,
}

/// One tenant of many, whatever is wrong with the others; `None` where there is no such folder.
pub(crate) fn find_tenant(dir: &Path, name: &TenantName) -> Result<Option<TenantFolder>, Problems> {
    let folder = dir.join("tenants").join(name.as_str());
    if !folder.is_dir() {
        return Ok(None);
    }
    let ceilings = Server::load(dir, None)?.ceilings(name.as_str());
    Ok(Some(TenantFolder { name: name.clone(), folder, ceilings }))
}

/// Finds the tenants of a configuration folder, in the order of their names.
///
/// A folder with a `tenants/` in it holds one tenant for each folder there; any other folder is one tenant
/// called `default`.
pub(crate) fn find_tenants(dir: &Path) -> Result<Vec<TenantFolder>, Problems> {
    let tenants = dir.join("tenants");
    let root = SourceText { file: dir.join(FILE_NAME), text: "".into() };
    if !tenants.is_dir() {
        let name = TenantName::default();
        let ceilings = Server::load(dir, Some(&[name.as_str()]))?.ceilings(name.as_str());
        return Ok(vec![TenantFolder { name, folder: dir.to_owned(), ceilings }]);
    }
    if root.file.is_file() {
        let problem = Problem::of_file(
            &root,
            format!(
                "there is both {} and {}, so it is unclear whose settings these are",
                root.file.display(),
                tenants.display()
            ),
        );
        return Err(Problems(vec![problem.help("move the file into a folder of its own below tenants/")]));
    }
    let listing = std::fs::read_dir(&tenants).map_err(|error| {
        let place = SourceText { file: tenants.clone(), text: "".into() };
        Problems(vec![Problem::of_file(&place, format!("the folder cannot be listed: {error}"))])
    })?;
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for entry in listing.flatten().filter(|entry| entry.path().is_dir()) {
        let folder = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        match TenantName::parse(&name) {
            Ok(name) => found.push(TenantFolder { name, folder, ceilings: Ceilings::default() }),
            Err(error) => {
                let place = SourceText { file: folder, text: "".into() };
                problems.push(Problem::of_file(&place, error.to_string()).help("rename the folder"));
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    if found.is_empty() && problems.is_empty() {
        let place = SourceText { file: tenants, text: "".into() };
        problems.push(
            Problem::of_file(&place, "the folder holds no tenant")
                .help("make a folder for each tenant and put a scimwright.toml into it"),
        );
    }
    let names: Vec<&str> = found.iter().map(|tenant| tenant.name.as_str()).collect();
    match Server::load(dir, Some(&names)) {
        Ok(server) => {
            found.iter_mut().for_each(|tenant| tenant.ceilings = server.ceilings(tenant.name.as_str()));
        }
        Err(more) => problems.extend(more.0),
    }
    if problems.is_empty() { Ok(found) } else { Err(Problems(problems)) }
}

/// Reads the configuration of one tenant.
///
/// # Errors
/// Every mistake in the file, not the first one.
pub(crate) fn load(tenant: &TenantFolder) -> Result<Tenant, Problems> {
    let path = tenant.folder.join(FILE_NAME);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let place = SourceText { file: path.clone(), text: "".into() };
        let problem = match error.kind() {
            std::io::ErrorKind::NotFound => Problem::of_file(&place, "there is no such file")
                .help("`scimwright init` writes one; `--config DIR` names another folder"),
            _ => Problem::of_file(&place, format!("the file cannot be read: {error}")),
        };
        Problems(vec![problem])
    })?;
    read(tenant, path, &text)
}

/// Reads a configuration from its text.
pub(crate) fn read(tenant: &TenantFolder, file: PathBuf, text: &str) -> Result<Tenant, Problems> {
    let reader = FileReader::new(SourceText { file, text: text.into() });
    let parsed = reader.document(text, |document| parse::tenant(&reader, tenant, document));
    let problems = reader.into_problems();
    if problems.is_empty() { Ok(parsed) } else { Err(Problems(problems)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::TEMPLATE;
    use proptest::prelude::*;

    fn read_text(text: &str) -> Result<Tenant, Problems> {
        let (name, folder) = (TenantName::default(), PathBuf::from("conf"));
        let tenant = TenantFolder { name, folder, ceilings: Ceilings::default() };
        read(&tenant, PathBuf::from("scimwright.toml"), text)
    }

    /// The suggestions of the template: the numbers of their lines, those of a commented table together.
    fn suggestions() -> Vec<Vec<usize>> {
        let mut suggestions: Vec<Vec<usize>> = Vec::new();
        let mut in_table = false;
        for (number, line) in TEMPLATE.lines().enumerate() {
            let rest = line.strip_prefix("# ").unwrap_or_default();
            let key = rest.split(" = ").next().unwrap_or_default();
            let is_key = rest.contains(" = ") && key.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
            let is_table = rest.starts_with('[');
            match suggestions.last_mut() {
                Some(table) if in_table && is_key => table.push(number),
                _ if is_table || is_key => suggestions.push(vec![number]),
                _ => {}
            }
            in_table = is_table || (in_table && is_key);
        }
        suggestions
    }

    #[test]
    fn the_template_is_a_configuration_and_so_is_each_of_its_suggestions() {
        let lines: Vec<_> = TEMPLATE.lines().collect();
        let read = |taken: &[usize]| {
            let line = |(number, line): (usize, &&'static str)| match taken.contains(&number) {
                true => line[2..].to_owned(),
                false => (*line).to_owned(),
            };
            let text: Vec<_> = lines.iter().enumerate().map(line).collect();
            read_text(&text.join("\n")).map_err(|problems| format!("{taken:?}: {problems}")).unwrap()
        };
        read(&[]);
        let suggestions = suggestions();
        assert!(suggestions.len() >= 25, "{suggestions:?}");
        let scripts = suggestions.iter().find(|taken| lines[taken[0]] == "# [scripts]").unwrap();
        for suggestion in &suggestions {
            match lines[suggestion[0]].contains("js = ") {
                true => read(&[suggestion.as_slice(), scripts].concat()),
                false => read(suggestion),
            };
        }
        let tables: Vec<_> =
            suggestions.iter().filter(|taken| taken.len() > 1).map(|taken| lines[taken[0]]).collect();
        let expected = [
            "# [source.directory]",
            "# [source.staff]",
            "# [source.elsewhere]",
            "# [module.corp-user]",
            "# [scripts]",
            "# [recording]",
        ];
        assert_eq!(tables, expected);
    }

    #[test]
    fn the_log_is_kept_half_a_year_unless_the_configuration_says_otherwise_and_never_for_no_time() {
        let days = |text: &str| read_text(text).map(|tenant| tenant.log_kept.as_secs() / 86_400);
        assert_eq!(days("").unwrap(), 180);
        assert_eq!(days("[state]\nurl = \"sqlite://a.db\"\n").unwrap(), 180);
        let tenant = read_text("[state]\nkeep_log_days = 30\n").unwrap();
        assert_eq!(tenant.log_kept.as_secs(), 30 * 86_400);
        assert!(tenant.state.ends_with(".scimwright/state.db"), "{}", tenant.state.display());
        assert_eq!(days("[state]\nkeep_log_days = 36500\n").unwrap(), 36_500);
        for wrong in ["0", "36501", "-1"] {
            let problems = days(&format!("[state]\nkeep_log_days = {wrong}\n")).unwrap_err().to_string();
            assert!(problems.contains("`keep_log_days` has to be from 1 to 36500"), "{problems}");
        }
    }

    #[test]
    fn limits_of_a_module_start_from_the_common_ones() {
        let text = "[limits]\ncpu_ms = 20\n[module.m.limits]\nmemory_mb = 8\n";
        let tenant = read_text(text).unwrap();
        assert_eq!(tenant.modules[0].limits.cpu, std::time::Duration::from_millis(20));
        assert_eq!(tenant.modules[0].limits.memory_bytes, 8 << 20);
    }

    #[test]
    fn a_file_that_is_not_toml_says_where() {
        let problems = read_text("[state\nurl = 1").unwrap_err();
        assert!(problems.to_string().contains("this is not TOML"), "{problems}");
        assert_eq!(problems.0[0].line(), Some(1));
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(
            cut in 0..TEMPLATE.len(),
            insert in "[\\[\\]{}=\"'a-z0-9%.,\n# é]{0,12}",
            drop in 0..40_usize,
        ) {
            let cut = (0..=cut).rev().find(|at| TEMPLATE.is_char_boundary(*at)).unwrap_or(0);
            let rest: String = TEMPLATE[cut..].chars().skip(drop).collect();
            let text = format!("{}{insert}{rest}", &TEMPLATE[..cut]);
            if let Err(problems) = read_text(&text) {
                prop_assert!(!problems.to_string().is_empty());
            }
        }
    }
}
