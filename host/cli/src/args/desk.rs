//! The command line of the admin's desk: links, drift, explanations.

use super::ResourceArgs;
use clap::{Args, Subcommand, ValueEnum};
use scimwright_record::{ProviderName, RecordKey, ResourceTypeName};
use scimwright_state::Ownership;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum LinksCommand {
    /// Show the links of a resource type, or one of them with what was sent and seen.
    Show(ShowLinksArgs),
    /// Link a record to a resource that is at the provider. Nothing is sent that changes it.
    Adopt(AdoptArgs),
    /// Forget links: the next run looks for the resources again.
    Forget(ForgetArgs),
    /// Write the map from record keys to the provider's ids.
    Export(ExportArgs),
    /// Take the links of a provider along to its new address, or to its new name.
    Move {
        /// The provider's name; with `--to`, the one that it had.
        provider: ProviderName,
        /// The name that it has in the configuration now.
        #[arg(long, value_name = "NAME")]
        to: Option<ProviderName>,
    },
    /// Find the links again from what is at the provider, after the state was lost.
    Rebuild(RebuildArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ShowLinksArgs {
    #[command(flatten)]
    pub(crate) resource: ResourceArgs,
    /// Only the record with this key.
    pub(crate) key: Option<RecordKey>,
}

#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    #[command(flatten)]
    pub(crate) resource: ResourceArgs,
    /// The key of the record in the source.
    pub(crate) key: RecordKey,
    /// The provider's id of the resource.
    pub(crate) id: String,
    /// Count the resource as made by us, so that it may be deprovisioned like all others.
    #[arg(long)]
    pub(crate) created: bool,
    /// Give up the resource that the record is linked to now; it stays at the provider as it is.
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ForgetArgs {
    #[command(flatten)]
    pub(crate) resource: ResourceArgs,
    /// The keys of the records.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) keys: Vec<RecordKey>,
    /// Forget every link of the resource type.
    #[arg(long)]
    pub(crate) all: bool,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) resource: ResourceArgs,
    /// How to write it.
    #[arg(long, value_enum, default_value = "csv")]
    pub(crate) format: ExportFormat,
    /// Write it to this file, in place of what is there.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Lines of key, resource id, ownership and standing, with a head.
    Csv,
    /// An object a line.
    JsonLines,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) resource: ResourceArgs,
    /// The key of the record in the source.
    pub(crate) key: RecordKey,
    /// Do not read the resource at the provider: show what was seen last.
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DriftArgs {
    /// Only this provider.
    pub(crate) provider: Option<ProviderName>,
    /// Only this resource type.
    pub(crate) resource_type: Option<ResourceTypeName>,
    /// Only the resource of this record.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<RecordKey>,
    /// Bring back what differs: write again what was sent last, and make anew what was deleted.
    #[arg(long)]
    pub(crate) repair: bool,
    /// Bring it back however much it is, even above `max_deprovision`.
    #[arg(long, requires = "repair")]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RebuildArgs {
    /// Only this provider.
    pub(crate) provider: Option<ProviderName>,
    /// Only this resource type.
    pub(crate) resource_type: Option<ResourceTypeName>,
    /// Whose the resources are that are found: made by us, so that whoever leaves is deprovisioned; or there before us,
    /// so that nobody is.
    #[arg(long = "as", value_name = "created|adopted", value_parser = ownership)]
    pub(crate) ownership: Ownership,
    /// Move the state file out of the way first, where it is damaged; it is kept beside the new one.
    #[arg(long)]
    pub(crate) set_aside: bool,
}

fn ownership(word: &str) -> Result<Ownership, String> {
    let known = [Ownership::Created, Ownership::Adopted];
    known
        .into_iter()
        .find(|ownership| ownership.as_str() == word)
        .ok_or_else(|| "it is `created` or `adopted`".to_owned())
}
