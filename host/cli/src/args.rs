//! The command line.

mod desk;
mod mapping;

pub(crate) use desk::{
    AdoptArgs, DriftArgs, ExplainArgs, ExportArgs, ExportFormat, ForgetArgs, LinksCommand, RebuildArgs,
    ShowLinksArgs,
};
pub(crate) use mapping::{
    BenchArgs, BuildArgs, DiffArgs, ModuleArg, NewArgs, RecordArgs, ReplayArgs, RunOneArgs, TestArgs,
};

use crate::report::remedy::Remedies;
use clap::{Args, Parser, Subcommand, ValueEnum};
use scimwright_client::Query;
use scimwright_provision::{Action, PlanFilter};
use scimwright_record::{ModuleName, ProviderName, RecordKey, ResourceTypeName, TenantName};
use scimwright_scim::{AttributePath, Filter, SortOrder};
use serde::{Deserialize, Serialize};
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
  3  the configuration or a module is wrong; nothing was changed at the provider that this concerns
  4  it finished, and some records or calls failed
  5  the run finished, and deprovisioning was held
  6  a provider, a source or a module could not be used, or a source not be read to its end
  7  a signal stopped it before its end; the next run goes on from there
  8  what was compared differs: two modules, or a provider and what was left there
  9  a plan is out of date, not whole, or was carried out before; nothing was changed";

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
    /// What the command opened for writing.
    #[arg(skip)]
    pub(crate) states: crate::states::States,
}

impl Common {
    /// How commands are to be printed that mean the same configuration as this one.
    pub(crate) fn remedies(&self) -> Remedies {
        let known = std::env::var_os("SCIMWRIGHT_CONFIG").map(PathBuf::from);
        Remedies::of(&self.config, known.as_deref(), self.tenant.as_ref())
    }

    /// The same for a command that is about several tenants: one of them has to be named.
    pub(crate) fn remedies_for(&self, tenant: &TenantName, tenants: usize) -> Remedies {
        if tenants < 2 {
            return self.remedies();
        }
        let known = std::env::var_os("SCIMWRIGHT_CONFIG").map(PathBuf::from);
        Remedies::of(&self.config, known.as_deref(), Some(tenant))
    }
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
    Plan(PlanArgs),
    /// Carry out a plan: what stands in its file, and nothing else. One that is out of date is refused.
    Apply(ApplyArgs),
    /// Bring the providers up to date with the sources. A running service is asked to do it.
    Sync(SyncArgs),
    /// Query the resources at a provider.
    Get(Box<GetArgs>),
    /// Read one resource at a provider, by its id there.
    GetById(GetByIdArgs),
    /// Delete one resource at a provider, by its id there. A running service is asked to do it.
    Delete(DeleteArgs),
    /// Provision one record now: create its resource, or bring it up to date. A running service is asked to do it.
    Provision(ProvisionArgs),
    /// Provision one record now, which must not have a resource yet. A running service is asked to do it.
    ProvisionNew(ProvisionArgs),
    /// Find out what a provider can do, and how.
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// Tools for mapping modules.
    #[command(subcommand)]
    Mapping(MappingCommand),
    /// Look for what was changed or deleted at the providers by others; bring it back with --repair.
    Drift(DriftArgs),
    /// Show where each attribute of one record's resource comes from, and what the next sync would do.
    Explain(ExplainArgs),
    /// The links between records and resources: show, adopt, forget, export, move, rebuild.
    #[command(subcommand)]
    Links(LinksCommand),
    /// Show the client log: one row for each call to a provider, newest first.
    Log(LogArgs),
    /// Show modules, sources, providers, links and recent runs; with a key, where one person stands, and why.
    Status {
        /// The key of a record: why is it not there?
        key: Option<RecordKey>,
    },
    /// Keep the modules folder live and sync every resource on its interval, until a signal ends it.
    Serve,
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
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunArgs {
    /// Only this provider.
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<ProviderName>,
    /// Only this resource type.
    #[arg(long, value_name = "TYPE")]
    pub(crate) resource: Option<ResourceTypeName>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// Write the plan to this file, for `apply`. It holds people's data and can be read by its owner only.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Only the record with this key; may be given several times.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Vec<RecordKey>,
    /// Only operations of these kinds: `create,update`.
    #[arg(long, value_enum, value_name = "KINDS", value_delimiter = ',')]
    pub(crate) only: Vec<PlannedKind>,
    /// Allow this many deprovisions for each resource type, even above `max_deprovision`.
    #[arg(long, value_name = "COUNT")]
    pub(crate) allow_deprovisions: Option<u64>,
    /// Allow this many memberships to be taken out for each resource type, even above `max_removed`.
    #[arg(long, value_name = "COUNT")]
    pub(crate) allow_removals: Option<u64>,
}

impl PlanArgs {
    pub(crate) fn filter(&self) -> PlanFilter {
        PlanFilter {
            keys: self.key.iter().cloned().collect(),
            only: self.only.iter().map(|kind| kind.action()).collect(),
        }
    }
}

/// A kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlannedKind {
    /// Resources are created.
    Create,
    /// Resources that are there already are linked.
    Adopt,
    /// Resources are changed.
    Update,
    /// Resources are disabled.
    Disable,
    /// Resources are deleted.
    Delete,
    /// Nothing is needed.
    Unchanged,
    /// Records are out of scope, or protected.
    Skip,
    /// It would not work.
    Fail,
    /// It waits for another try.
    Wait,
}

impl PlannedKind {
    fn action(self) -> Action {
        match self {
            Self::Create => Action::Create,
            Self::Adopt => Action::Adopt,
            Self::Update => Action::Update,
            Self::Disable => Action::Disable,
            Self::Delete => Action::Delete,
            Self::Unchanged => Action::Unchanged,
            Self::Skip => Action::Skip,
            Self::Fail => Action::Fail,
            Self::Wait => Action::Wait,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// What `plan --out FILE` wrote.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// Allow this many deprovisions for each resource type, even above `max_deprovision`.
    #[arg(long, value_name = "COUNT")]
    pub(crate) allow_deprovisions: Option<u64>,
    /// Allow this many memberships to be taken out for each resource type, even above `max_removed`.
    #[arg(long, value_name = "COUNT")]
    pub(crate) allow_removals: Option<u64>,
    /// Only what changed since the last sync: by the source's change column where it has one, else by comparing each
    /// record with what it was.
    #[arg(long)]
    pub(crate) changed: bool,
    /// Try now what failed before and waits for its time, providers in quarantine included.
    #[arg(long)]
    pub(crate) retry: bool,
}

/// Which kind of resource at which provider.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResourceArgs {
    /// The provider's name in the configuration.
    pub(crate) provider: ProviderName,
    /// The resource type: User, Group, or what else the provider has.
    pub(crate) resource_type: ResourceTypeName,
}

/// Which attributes are returned.
#[derive(Debug, Args)]
pub(crate) struct SelectionArgs {
    /// Return these attributes only, and those that are always returned.
    #[arg(long, value_name = "PATH", value_delimiter = ',', conflicts_with = "excluded_attributes")]
    pub(crate) attributes: Vec<AttributePath>,
    /// Return all attributes but these.
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    pub(crate) excluded_attributes: Vec<AttributePath>,
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    pub(crate) resource: ResourceArgs,
    /// Only resources that match: `userName eq "jdoe"`.
    #[arg(long, value_name = "FILTER")]
    pub(crate) filter: Option<Filter>,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// Sort by this attribute.
    #[arg(long, value_name = "PATH")]
    pub(crate) sort_by: Option<AttributePath>,
    /// Largest first.
    #[arg(long, requires = "sort_by")]
    pub(crate) descending: bool,
    /// The first match to return, counted from 1.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) start_index: Option<u64>,
    /// How many resources to return, at most; with --all, how many to ask for at a time.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) count: Option<u64>,
    /// Where to go on (RFC 9865): the nextCursor of the page before, or "" for the first.
    #[arg(long, conflicts_with = "start_index")]
    pub(crate) cursor: Option<String>,
    /// Every page to the end: one resource a line, as JSON.
    #[arg(long)]
    pub(crate) all: bool,
}

impl GetArgs {
    pub(crate) fn query(&self) -> Query {
        Query {
            filter: self.filter.clone(),
            attributes: self.selection.attributes.clone(),
            excluded_attributes: self.selection.excluded_attributes.clone(),
            sort_by: self.sort_by.clone(),
            sort_order: self.descending.then_some(SortOrder::Descending),
            start_index: self.start_index,
            count: self.count,
            cursor: self.cursor.clone(),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct GetByIdArgs {
    #[command(flatten)]
    pub(crate) resource: ResourceArgs,
    /// The provider's id of the resource.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
}

#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    pub(crate) resource: ResourceArgs,
    /// The provider's id of the resource.
    pub(crate) id: String,
}

#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProvisionArgs {
    #[command(flatten)]
    pub(crate) resource: ResourceArgs,
    /// The key of the record in the source.
    pub(crate) key: RecordKey,
    /// Show every step: what was read, mapped, decided, sent and remembered.
    #[arg(long)]
    pub(crate) trace: bool,
    /// Read the resource at the provider first, and put right whatever others changed there.
    #[arg(long)]
    pub(crate) fresh: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProviderCommand {
    /// Show what a provider says about itself, and what is assumed where it says nothing. Changes nothing.
    Discover(DiscoverArgs),
    /// Try out what a provider does, on users and a group that are made for it and deleted again.
    Probe(ProbeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DiscoverArgs {
    /// The provider's name in the configuration.
    pub(crate) provider: ProviderName,
    /// Write a profile with what departs from the RFCs; a file that is there is left alone.
    #[arg(long, value_name = "FILE")]
    pub(crate) draft: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    #[command(flatten)]
    pub(crate) discover: DiscoverArgs,
    /// Do not ask before resources are made.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MappingCommand {
    /// Write a small project that works, to be changed.
    New(NewArgs),
    /// Build a project into a module.
    Build(BuildArgs),
    /// Run golden cases, under the limits of production.
    Test(TestArgs),
    /// Map one record, and show what came of it.
    Run(Box<RunOneArgs>),
    /// Show what a module is, needs and writes.
    Inspect(ModuleArg),
    /// Show who would change if one module took another's place, and how.
    Diff(DiffArgs),
    /// Write down what a module makes of the records of a source, as cases.
    Record(RecordArgs),
    /// Run recorded cases again, and compare.
    Replay(ReplayArgs),
    /// Measure what a record costs.
    Bench(BenchArgs),
    /// End a module's quarantine by hand.
    Release {
        /// The name of the module.
        module: ModuleName,
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
    /// Play a provider that departs from the RFCs: a built-in profile, or profiles/NAME.toml in the configuration
    /// folder.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// How pages of a list are reached.
    #[arg(long, value_enum, default_value = "index")]
    pub(crate) paging: SandboxPaging,
    /// Have no bulk requests.
    #[arg(long)]
    pub(crate) no_bulk: bool,
    /// Hold each answer back for so many milliseconds, as a provider far away does.
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=60_000))]
    pub(crate) latency: u64,
}

/// How pages of a list are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SandboxPaging {
    /// By startIndex.
    Index,
    /// By cursor (RFC 9865) and in no other way.
    Cursor,
    /// By either.
    Both,
}
