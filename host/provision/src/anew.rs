//! Resources that were made anew after somebody deleted them, and whoever points at them.
//!
//! A new resource has a new id, and nobody who refers to the old one changed. Their references are written again in the
//! same repair: as they were sent last, but for the id.

use crate::cycle::Cycle;
use crate::drift::DriftOptions;
use crate::error::ProvisionError;
use crate::event::{Mode, Observer, Summary};
use crate::provisioner::{Patience, Provisioner, RunOptions};
use crate::tally::Tally;
use futures::TryStreamExt;
use scimwright_scim::{AttributeName, AttributePath, Desired, DesiredValue, SchemaSet};
use scimwright_state::{RunKind, RunOutcome};
use serde_json::Value;
use std::collections::HashMap;

/// Resources that were made anew, by the ids that they had and have now.
#[derive(Debug, Default)]
pub(crate) struct MadeAnew(HashMap<String, String>);

impl MadeAnew {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn note(&mut self, former: String, made: String) {
        if former != made {
            self.0.insert(former, made);
        }
    }

    /// What was sent, with references to what was made anew pointing at it, and the attributes that they stand in. Only
    /// what the schema calls a reference is one: an id may be a number that means something else elsewhere.
    pub(crate) fn pointing(&self, sent: &Desired, schemas: &SchemaSet) -> (Desired, Vec<AttributePath>) {
        let (mut desired, mut paths) = (sent.clone(), Vec::new());
        for (path, value) in sent.iter().filter(|_| !self.is_empty()) {
            let holds_ids = path.sub.as_ref().is_none_or(|sub| *sub == AttributeName::VALUE);
            let refers = holds_ids
                && schemas.find(&path.without_sub()).is_some_and(|attribute| {
                    attribute.sub_attributes.iter().any(|part| part.name == *"$ref")
                });
            let DesiredValue::Set(value) = value else { continue };
            let pointed = if refers { self.pointed(value) } else { value.clone() };
            if pointed != *value {
                desired.set(path, DesiredValue::Set(pointed));
                paths.push(path.clone());
            }
        }
        (desired, paths)
    }

    fn pointed(&self, value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.pointed(item)).collect(),
            Value::Object(parts) => {
                let parts =
                    parts.iter().map(|(name, part)| match part.as_str().and_then(|id| self.0.get(id)) {
                        Some(id) if AttributeName::VALUE == *name.as_str() => {
                            (name.clone(), id.as_str().into())
                        }
                        _ => (name.clone(), part.clone()),
                    });
                Value::Object(parts.collect())
            }
            // A reference that was given as `manager.value`.
            Value::String(id) => self.0.get(id).unwrap_or(id).as_str().into(),
            other => other.clone(),
        }
    }
}

impl Provisioner {
    /// Has links that point at what was made anew point at it. What came of it, where there was anything.
    pub(crate) async fn point_anew(
        &self,
        anew: &MadeAnew,
        options: &DriftOptions,
        observer: &dyn Observer,
    ) -> Result<Option<Summary>, ProvisionError> {
        let (scope, schemas) = (self.scope(), self.kind.schemas());
        let mut pointing = Vec::new();
        let mut links = self.state.links(&scope);
        while let Some(link) = links.try_next().await? {
            let (_, paths) = anew.pointing(&link.sent, schemas);
            if !paths.is_empty() {
                pointing.push((link, paths));
            }
        }
        if pointing.is_empty() {
            return Ok(None);
        }
        let run = self.state.begin_run(RunKind::Drift, &scope).await?;
        let tally = Tally::new(observer, scope);
        let run_options =
            RunOptions { patience: Patience::TryNow, stop: options.stop.clone(), ..RunOptions::default() };
        let outcome: Result<(), ProvisionError> = async {
            let cycle = Cycle::begin(self, Mode::Sync, Some(run), &run_options, &tally).await?;
            for (link, paths) in pointing {
                cycle.go_on()?;
                // Many providers take whoever is deleted out of their groups by themselves.
                if let Some(found) = cycle.read_resource(&link.resource_id).await? {
                    cycle.bring_back(&link.key, found, &paths, anew).await?;
                }
            }
            Ok(())
        }
        .await;
        let summary = tally.summary();
        let ended = match &outcome {
            Ok(()) => RunOutcome::Completed,
            Err(ProvisionError::Stopped) => RunOutcome::Stopped,
            Err(_) => RunOutcome::Failed,
        };
        let closed = self.close(run, ended, outcome.as_ref().err(), &tally).await;
        outcome.and(closed).map(|()| Some(summary))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_scim::builtin;
    use serde_json::json;

    #[test]
    fn only_a_reference_is_taken_for_one_even_where_another_value_is_the_same() {
        let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
        let number = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber";
        let sent: Desired = serde_json::from_value(
            json!({ "userName": "7", number: "7", manager: { "value": "7", "displayName": "7" } }),
        )
        .unwrap();
        let mut anew = MadeAnew::default();
        assert_eq!(anew.pointing(&sent, &builtin::user_schema_set()), (sent.clone(), Vec::new()));
        anew.note("7".into(), "8".into());
        let (pointing, paths) = anew.pointing(&sent, &builtin::user_schema_set());
        assert_eq!(paths.iter().map(ToString::to_string).collect::<Vec<_>>(), [manager]);
        let expected: Desired = serde_json::from_value(
            json!({ "userName": "7", number: "7", manager: { "value": "8", "displayName": "7" } }),
        )
        .unwrap();
        assert_eq!(pointing, expected);
    }
}
