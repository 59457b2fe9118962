//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use scimwright_record::{ProviderName, RecordKey, ResourceTypeName, TenantName};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Provisions SCIM service providers through sandboxed WebAssembly mappings.
#[derive(Debug, Parser)]
#[command(name = "scimwright", version, disable_help_subcommand = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  everything asked for was done
  1  something broke that no other code names
  2  the command line could not be understood
  3  the configuration or a module is wrong; nothing was changed
  4  the run finished, and some records failed
  5  the run finished, and deprovisioning was held
  6  a provider or a source could not be reached, or not be read to its end";

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The configuration folder.
    #[arg(long, value_name = "DIR", default_value = ".", global = true, env = "SCIMWRIGHT_CONFIG")]
    pub(crate) config: PathBuf,
    /// The tenant, where the folder has `tenants/`.
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) tenant: Option<TenantName>,
    /// How to print results.
    #[arg(long, value_enum, default_value = "human", global = true)]
    pub(crate) output: Output,
    /// Print more: also what needed nothing, and what modules log. Twice for the details of requests.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Human,
    /// JSON lines; the last one is a summary.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented configuration folder.
    Init(InitArgs),
    /// Check everything that can be wrong, without changing anything.
    Check(CheckArgs),
    /// Show what a sync would do. Nothing is sent that changes anything, and nothing is remembered.
    Plan(RunArgs),
    /// Bring the providers up to date with the sources.
    Sync(SyncArgs),
    /// Tools for mapping modules.
    #[command(subcommand)]
    Mapping(MappingCommand),
    /// Show the client log: one row for each call to a provider, newest first.
    Log(LogArgs),
    /// Show modules, sources, providers, links and recent runs.
    Status,
    /// Run a SCIM service provider in memory, to try things out.
    Sandbox(SandboxArgs),
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The folder to write; the configuration folder by default.
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Do not contact the providers.
    #[arg(long)]
    pub(crate) offline: bool,
}

/// Which of the configured resources a run covers.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    /// Only this provider.
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<ProviderName>,
    /// Only this resource type.
    #[arg(long, value_name = "TYPE")]
    pub(crate) resource: Option<ResourceTypeName>,
}

#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// Allow this many deprovisions for each resource type, even above `max_deprovision`.
    #[arg(long, value_name = "COUNT")]
    pub(crate) allow_deprovisions: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MappingCommand {
    /// Show what a module is, needs and writes.
    Inspect {
        /// A module file, or the name of a module in the configuration.
        module: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// Only failures.
    #[arg(long)]
    pub(crate) failures: bool,
    /// Only the record with this key.
    #[arg(long)]
    pub(crate) key: Option<RecordKey>,
    /// Only this provider.
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<ProviderName>,
    /// At most this many rows.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// The address to listen on; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:8085")]
    pub(crate) address: SocketAddr,
    /// The bearer token that clients have to send; anybody may do anything without it.
    #[arg(long, env = "SCIMWRIGHT_SANDBOX_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}
