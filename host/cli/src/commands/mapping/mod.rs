//! `mapping`: the tools for those who write mapping modules.
//!
//! - [`subject`]: which module a command is about, and how it is loaded
//! - [`records`]: the records that it is run against
//! - the others: a command each

mod bench;
mod build;
mod diff;
mod inspect;
mod new;
mod record;
mod records;
mod release;
mod replay;
mod run;
mod subject;
mod test;

use crate::args::{Common, MappingCommand};
use crate::exit::Exit;

pub(super) async fn run(common: &Common, command: &MappingCommand) -> anyhow::Result<Exit> {
    match command {
        MappingCommand::New(args) => new::run(common, args),
        MappingCommand::Build(args) => build::run(common, args),
        MappingCommand::Test(args) => test::run(common, args),
        MappingCommand::Run(args) => run::run(common, args).await,
        MappingCommand::Inspect(args) => inspect::run(common, args),
        MappingCommand::Diff(args) => diff::run(common, args).await,
        MappingCommand::Record(args) => record::run(common, args).await,
        MappingCommand::Replay(args) => replay::run(common, args),
        MappingCommand::Bench(args) => bench::run(common, args),
        MappingCommand::Release { module } => release::run(common, module).await,
    }
}
