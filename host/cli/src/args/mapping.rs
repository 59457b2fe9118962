//! What the commands of `scimwright mapping` take.

use clap::{ArgGroup, Args, ValueEnum};
use scimwright_mapping::Operation;
use scimwright_record::{ProviderName, RecordKey, ResourceTypeName, SourceName};
use scimwright_toolchain::Language;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The module's name: lower-case words, joined by hyphens.
    pub(crate) name: String,
    /// The language to write it in: rust, js or python.
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) lang: Language,
    /// The folder to write; by default one of the module's name, here.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The project's folder; this one by default.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
}

/// Which module a command is about.
#[derive(Debug, Args)]
pub(crate) struct ModuleArg {
    /// A project's folder, a module's file, or the name of a module in the configuration; by default the project in
    /// this folder. A project is built first where its sources are newer.
    #[arg(value_name = "MODULE")]
    pub(crate) module: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    pub(crate) module: ModuleArg,
    /// The folder with the cases; that of the project by default.
    #[arg(long, value_name = "DIR")]
    pub(crate) cases: Option<PathBuf>,
    /// Take what came out for what is expected from now on.
    #[arg(long)]
    pub(crate) update: bool,
    /// Write the report as JUnit XML, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RunOneArgs {
    /// A project's folder, a module's file, or the name of a module in the configuration; by default the project in
    /// this folder. In a project, a case's file may stand here in place of --record.
    #[arg(value_name = "MODULE")]
    pub(crate) module: Option<String>,
    /// A file with a case, or with nothing but a record's fields as a JSON object; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// A source of the configuration.
    #[arg(long, value_name = "NAME", requires = "key", conflicts_with = "record")]
    pub(crate) source: Option<SourceName>,
    /// The key of the record in the source.
    #[arg(long, value_name = "KEY", conflicts_with = "record", requires = "source")]
    pub(crate) key: Option<RecordKey>,
    /// A setting of the module: NAME=VALUE. More than one may be given.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub(crate) settings: Vec<(String, String)>,
    /// Why the mapping is asked.
    #[arg(long, value_enum)]
    pub(crate) operation: Option<AskedFor>,
    /// What time it is to the module: 2026-01-01T00:00:00Z.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    pub(crate) now: Option<String>,
    /// The provider that the resource is for.
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<ProviderName>,
    /// The resource type that is wanted.
    #[arg(long, value_name = "TYPE")]
    pub(crate) resource_type: Option<ResourceTypeName>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("records").required(true).args(["against", "source"]))]
pub(crate) struct DiffArgs {
    /// The module as it is: a project's folder, a file, or the name of a module in the configuration.
    pub(crate) old: String,
    /// The module that may take its place.
    pub(crate) new: String,
    /// The records: a recording, a case, or a folder of cases.
    #[arg(long, value_name = "RECORDS")]
    pub(crate) against: Option<PathBuf>,
    /// The records: a source of the configuration.
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<SourceName>,
    /// Show at most this many of those who change.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub(crate) show: usize,
}

#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// The name of a module in the configuration, or a module's file.
    pub(crate) module: String,
    /// The source of the configuration whose records it maps.
    #[arg(long, value_name = "NAME")]
    pub(crate) source: SourceName,
    /// The file to write: NAME.cases.jsonl. One that is there is added to.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Write at most this many cases.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub(crate) limit: u64,
    /// Fields whose values keep nothing but their shape: letters become x, digits 0. `$key` is the record's key.
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    pub(crate) mask: Vec<String>,
    /// Fields whose values are left out.
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    pub(crate) drop: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// A recording, a case, or a folder of cases.
    pub(crate) file: PathBuf,
    /// A project's folder, a module's file, or the name of a module in the configuration; by default the project in
    /// this folder.
    #[arg(long, value_name = "MODULE")]
    pub(crate) module: Option<String>,
    /// Show at most this many cases that come out otherwise.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub(crate) show: u64,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    pub(crate) module: ModuleArg,
    /// The records: a folder of cases or a recording; the project's cases, or those that the module carries, by default.
    #[arg(long, value_name = "RECORDS")]
    pub(crate) cases: Option<PathBuf>,
    /// How many calls are measured.
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) calls: u32,
}

/// Why a mapping is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AskedFor {
    /// No resource is known for the record yet.
    Create,
    /// The record has a resource.
    Update,
    /// Somebody wants to see the outcome.
    Preview,
}

impl From<AskedFor> for Operation {
    fn from(asked: AskedFor) -> Self {
        match asked {
            AskedFor::Create => Self::Create,
            AskedFor::Update => Self::Update,
            AskedFor::Preview => Self::Preview,
        }
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a setting is NAME=VALUE".to_owned()),
    }
}

fn moment(text: &str) -> Result<String, String> {
    match text.parse::<jiff::Timestamp>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("a moment looks like 2026-01-01T00:00:00Z".to_owned()),
    }
}
