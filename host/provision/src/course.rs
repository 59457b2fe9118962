//! Mapping, on as many cores as there are: what every record of a run is told, and what is known of it from before.

use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::event::Mode;
use crate::layers::{Layers, Mapped, Recall};
use crate::members::Joined;
use crate::provisioner::Reach;
use crate::record::Prepared;
use scimwright_mapping::{CallContext, Operation as Occasion};
use scimwright_state::{Link, Setback};
use std::sync::Arc;
use std::time::Instant;

impl Cycle<'_> {
    /// Runs the layers over these records, on as many threads as there are cores, where waiting hurts nobody. The order
    /// stays.
    pub(crate) async fn map_all(
        &self,
        prepared: Vec<Prepared>,
    ) -> Result<Vec<(Prepared, Mapped)>, ProvisionError> {
        let layers = &self.provisioner.layers;
        if layers.columns {
            for (module, field) in
                prepared.iter().flat_map(|prepared| layers.missing_fields(&prepared.record))
            {
                self.note_once(format!(
                    "module `{module}` reads the field `{field}`, which source `{}` does not have; to the module it \
                     is empty",
                    self.provisioner.source.name()
                ));
            }
        }
        let began = Instant::now();
        let mapped = match layers.are_rows_only() {
            // Quicker than any other thread could be asked.
            true => prepared.into_iter().map(|prepared| self.course().map(prepared)).collect(),
            false => self.map_on_all_cores(prepared).await?,
        };
        self.tally.mapped(began.elapsed());
        Ok(mapped)
    }

    async fn map_on_all_cores(
        &self,
        prepared: Vec<Prepared>,
    ) -> Result<Vec<(Prepared, Mapped)>, ProvisionError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let share = prepared.len().div_ceil(cores).max(1);
        let mut left = prepared.into_iter();
        let mut shares = Vec::with_capacity(cores);
        loop {
            let share: Vec<Prepared> = left.by_ref().take(share).collect();
            if share.is_empty() {
                break;
            }
            let course = self.course();
            shares.push(tokio::task::spawn_blocking(move || {
                share.into_iter().map(|prepared| course.map(prepared)).collect::<Vec<_>>()
            }));
        }
        let mut mapped = Vec::new();
        for share in shares {
            mapped.extend(share.await.map_err(|error| ProvisionError::Worker(error.to_string()))?);
        }
        Ok(mapped)
    }

    /// What every record of the run is told.
    fn course(&self) -> Course {
        Course {
            layers: Arc::clone(&self.provisioner.layers),
            mode: self.mode,
            context: CallContext {
                tenant: self.provisioner.tenant.clone(),
                provider: self.provisioner.provider.clone(),
                resource_type: self.provisioner.rules.resource_type.clone(),
                operation: Occasion::Preview,
                now: self.now.clone(),
            },
        }
    }

    /// What is known of a record from the time before, so that one that needs nothing need not be mapped.
    pub(crate) fn recall(
        &self,
        link: Option<&Link>,
        setback: Option<&Setback>,
        joined: Option<&Joined>,
    ) -> Recall {
        let linked = link
            .filter(|link| link.due_at.is_none_or(|due| due > self.began))
            .filter(|_| self.reach() == Reach::Changed && setback.is_none())
            .and_then(|link| link.fingerprint.clone());
        let failed = setback
            .filter(|setback| setback.kind.is_failure() && self.waits(setback))
            .and_then(|setback| setback.fingerprint.clone());
        let mut salt = self.provisioner.recipe.clone();
        if let Some(joined) = joined {
            salt.push_str(&joined.digest());
        }
        Recall { linked, failed, salt }
    }
}

/// The layers, and what they are told besides the record.
struct Course {
    layers: Arc<Layers>,
    context: CallContext,
    mode: Mode,
}

impl Course {
    fn map(&self, prepared: Prepared) -> (Prepared, Mapped) {
        let operation = match (self.mode, prepared.has_link) {
            (Mode::Plan, _) => Occasion::Preview,
            (Mode::Sync | Mode::Apply, false) => Occasion::Create,
            (Mode::Sync | Mode::Apply, true) => Occasion::Update,
        };
        let context = CallContext { operation, ..self.context.clone() };
        let mapped = self.layers.map_unless_known(&context, &prepared.record, &prepared.recall);
        (prepared, mapped)
    }
}
