//! `plan`: what a sync would do, shown, and with `--out` written to a file that `apply` carries out.
//!
//! Nothing is left behind but that file. Compiled modules and built scripts are kept, as by every command.

use super::one_tenant;
use super::run::{run as run_over, warn_of_loss};
use crate::args::{Common, PlanArgs};
use crate::config::digest;
use crate::config::model::Tenant;
use crate::exit::Exit;
use crate::signals;
use anyhow::{Context, ensure};
use jiff::Timestamp;
use scimwright_provision::plan::file::FORMAT;
use scimwright_provision::{
    Basis, Header, Mode, PlanWriter, Provisioner, RunOptions, SourcePrints, StopSignal, typed,
};
use scimwright_state::{StateStore, TenantState};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Mutex;

pub(super) async fn run(common: &Common, args: &PlanArgs) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    warn_of_loss(common, &tenant, 1);
    // Before the first sync there is no state, and a plan must not leave one behind.
    let (store, _scratch) = if tenant.has_state() {
        (StateStore::open_read_only(&tenant.state).await?, None)
    } else {
        let scratch = tempfile::tempdir()?;
        (StateStore::open(&scratch.path().join("state.db")).await?, Some(scratch))
    };
    let stop = StopSignal::new();
    let draft = match &args.out {
        Some(out) => {
            // Half a plan is taken away again.
            signals::stop_on_signal(stop.clone());
            Some(Draft::begin(&tenant, args, out.clone())?)
        }
        None => None,
    };
    let options = RunOptions {
        allow_deprovisions: args.allow_deprovisions,
        allow_removals: args.allow_removals,
        filter: args.filter(),
        reach: Some(scimwright_provision::Reach::Full),
        plan: draft.as_ref().map(|draft| Arc::clone(&draft.writer)),
        stop,
        ..RunOptions::default()
    };
    run_over(common, &tenant, &args.run, Mode::Plan, options, &store, draft).await
}

/// A plan on its way into a file.
pub(super) struct Draft {
    out: PathBuf,
    writer: Arc<PlanWriter>,
    prints: Arc<SourcePrints>,
    basis: Mutex<Basis>,
}

impl Draft {
    fn begin(tenant: &Tenant, args: &PlanArgs, out: PathBuf) -> anyhow::Result<Self> {
        let header = Header {
            format: FORMAT,
            scimwright: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: Timestamp::now(),
            tenant: tenant.name.clone(),
            provider: args.run.provider.clone(),
            resource_type: args.run.resource.clone(),
            filter: args.filter(),
            allow_deprovisions: args.allow_deprovisions,
            allow_removals: args.allow_removals,
        };
        let basis = Basis { configuration: digest::parts(tenant)?, ..Basis::default() };
        let writer = Arc::new(PlanWriter::create(&out, &header)?);
        Ok(Self { out, writer, prints: Arc::default(), basis: Mutex::new(basis) })
    }

    /// Takes the prints of sources.
    pub(super) fn prints(&self) -> Arc<SourcePrints> {
        Arc::clone(&self.prints)
    }

    /// Notes what these provisioners bring with them, before they do anything.
    pub(super) async fn look(&self, provisioners: &[Provisioner]) -> anyhow::Result<()> {
        Ok(self.basis.lock().await.look(provisioners).await?)
    }

    /// Completes the file, where everything was read and nothing changed meanwhile. Says what is in it.
    pub(super) async fn complete(&self, state: &TenantState, complete: bool) -> anyhow::Result<String> {
        let name = self.out.display().to_string();
        let out = typed(&name);
        ensure!(complete, "no plan was written to {out}: not everything that it would rest on could be read");
        let mut basis = self.basis.lock().await;
        let meanwhile = |what: String| format!("{what} changed while the plan was made; make it once more");
        match self.prints.taken() {
            Ok(sources) => basis.sources = sources,
            Err(source) => anyhow::bail!(meanwhile(format!("source `{source}`"))),
        }
        for then in &basis.links {
            let now = state.links_digest(&then.scope).await?;
            ensure!(now == then.links, meanwhile(format!("the links of {}", then.scope)));
        }
        let (operations, references) =
            self.writer.finish(&basis).context("the plan could not be completed")?;
        Ok(format!(
            "the plan is in {out}: {operations} operations and {references} with references to fill in; `scimwright \
             apply {out}` carries it out"
        ))
    }
}
