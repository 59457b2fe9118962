//! A record on its way to an operation: mapped, its links resolved, compared with what is known of its resource.
//!
//! Nothing here changes anything at the provider, or in what is remembered.

use crate::cycle::Cycle;
use crate::digest::Parts;
use crate::error::ProvisionError;
use crate::layers::{Mapped, Recall};
use crate::matching::Claim;
use crate::members::Joined;
use crate::one::Existing;
use crate::operation::{Mark, Operation, Step, Waiting, Wish};
use crate::scope::Standpoint;
use crate::setback::Trouble;
use crate::target::RowTarget;
use jiff::Timestamp;
use scimwright_mapping::{AttributeMap, Outcome, UnresolvedLink};
use scimwright_record::Record;
use scimwright_state::{Link, Setback, SetbackKind};
use serde_json::json;

/// What deciding came to for one record.
pub(crate) enum Decided {
    /// This is to be done. What the record is found by stays claimed until it is.
    Do(Box<Operation>, Option<Claim>),
    /// It does not concern the provider: it is out of scope, for this reason, and until then where that is known.
    OutOfScope(Option<Link>, String, Option<Timestamp>),
    /// It waits for another try until then.
    Waits(Option<Link>, Setback),
    /// It cannot be done. With the fingerprint of the record, so that it is known again.
    Cannot(Option<Link>, Trouble, Option<String>),
}

/// A record that can be mapped, with everything that is known of it.
pub(crate) struct Prepared {
    pub(crate) record: Record,
    pub(crate) has_link: bool,
    link: Option<Link>,
    setback: Option<Setback>,
    joined: Option<Joined>,
    due_at: Option<Timestamp>,
    pub(crate) recall: Recall,
}

impl Prepared {
    /// A record that is mapped whatever is known of it.
    pub(crate) fn unknown(record: Record, has_link: bool) -> Self {
        let recall = Recall::default();
        Self { record, has_link, link: None, setback: None, joined: None, due_at: None, recall }
    }
}

/// What is known before a record is mapped.
pub(crate) enum Outlook {
    /// It has to be mapped.
    Map(Box<Prepared>),
    /// It need not be.
    Decided(Box<Decided>),
}

impl<'a> Cycle<'a> {
    /// Decides what a record needs.
    pub(crate) async fn decide(&self, record: Record) -> Result<Decided, ProvisionError> {
        let link = self.provisioner.state.link(&self.scope, record.key()).await?;
        match self.prepare(record, link).await? {
            Outlook::Decided(decided) => Ok(*decided),
            Outlook::Map(prepared) => match self.map_all(vec![*prepared]).await?.pop() {
                Some((prepared, mapped)) => self.conclude(prepared, mapped).await,
                None => Err(ProvisionError::Worker("a record got lost on the way".to_owned())),
            },
        }
    }

    /// Looks at all that decides about a record before it is mapped.
    pub(crate) async fn prepare(
        &self,
        record: Record,
        link: Option<Link>,
    ) -> Result<Outlook, ProvisionError> {
        let decided = |decided| Ok(Outlook::Decided(Box::new(decided)));
        let key = record.key().clone();
        let setback = self.setback_of(&key).await?;
        self.absent.see(&record);
        let standpoint = match self.provisioner.rules.scope.look(&record, self.began) {
            Ok(standpoint) => standpoint,
            Err(reason) => {
                return decided(self.unmappable(&record, link, setback, Trouble::permanent(reason)));
            }
        };
        self.trace("scope", || match &standpoint {
            Standpoint::In { until } => {
                json!({ "in_scope": true, "until": until.map(|until| until.to_string()) })
            }
            Standpoint::Out { reason, .. } => json!({ "in_scope": false, "reason": reason }),
        });
        let until = match standpoint {
            Standpoint::In { until } => until,
            Standpoint::Out { reason, until } => return decided(Decided::OutOfScope(link, reason, until)),
        };
        let joined = match self.joined(&key).await? {
            Ok(joined) => joined,
            Err(trouble) => return decided(self.unmappable(&record, link, setback, trouble)),
        };
        let due_at = [until, joined.as_ref().and_then(|joined| joined.until)].into_iter().flatten().min();
        let recall = self.recall(link.as_ref(), setback.as_ref(), joined.as_ref());
        Ok(Outlook::Map(Box::new(Prepared {
            record,
            has_link: link.is_some(),
            link,
            setback,
            joined,
            due_at,
            recall,
        })))
    }

    /// What becomes of a record that cannot even be mapped: it waits for its time like any other, unless it changed or
    /// the configuration did.
    fn unmappable(
        &self,
        record: &Record,
        link: Option<Link>,
        setback: Option<Setback>,
        trouble: Trouble,
    ) -> Decided {
        let mut parts = Parts::default();
        parts.take(&self.provisioner.recipe);
        parts.take(&trouble.reason);
        parts.take_fields(record);
        let identity = Some(parts.hex());
        let as_before =
            setback.filter(|setback| setback.kind.is_failure() && setback.fingerprint == identity);
        match as_before.filter(|setback| self.waits(setback)) {
            Some(setback) => Decided::Waits(link, setback),
            None => Decided::Cannot(link, trouble, identity),
        }
    }

    /// Decides about a record that was mapped.
    pub(crate) async fn conclude(
        &self,
        prepared: Prepared,
        mapped: Mapped,
    ) -> Result<Decided, ProvisionError> {
        let Prepared { record, link, setback, joined, due_at, .. } = prepared;
        let key = record.key().clone();
        let Mapped { fingerprint, identity, result } = mapped;
        self.trace_modules();
        let layered = match result {
            Ok(Some(layered)) => layered,
            Ok(None) => {
                return Ok(match (link, setback) {
                    (link, Some(setback)) if self.waits(&setback) => Decided::Waits(link, setback),
                    (Some(link), _) => Decided::Do(Box::new(unchanged(link)), None),
                    (None, _) => {
                        let reason = "it changed while it was being looked at".to_owned();
                        Decided::Cannot(None, Trouble::temporary(reason).not_looked_for(), None)
                    }
                });
            }
            Err(error) => {
                // Nothing is wrong with the record, and the next one would fare no better.
                if let Some(unavailable) = error.unavailable() {
                    self.halt.request();
                    return Err(ProvisionError::ModuleUnavailable(unavailable));
                }
                return Ok(Decided::Cannot(link, Trouble::permanent(error.to_string()), identity));
            }
        };
        let mut attributes = match layered.outcome {
            Outcome::Provision(attributes) => attributes,
            Outcome::Skip(reason) => return Ok(Decided::OutOfScope(link, reason, None)),
        };
        let mut additive = None;
        if let Some(joined) = joined {
            additive = joined.additive();
            joined.put(&mut attributes);
        }
        let (desired, unresolved) = self.resolve(&attributes).await?;
        self.trace("wanted", || {
            let waits = unresolved
                .iter()
                .map(|link| format!("{} {} ({})", link.link.resource_type, link.link.key, link.path));
            json!({ "attributes": desired, "waits_for": waits.collect::<Vec<_>>() })
        });
        self.trace_known(link.as_ref());
        let create_only = layered.create_only;
        // What an existing resource keeps waits for nobody.
        let unresolved: Vec<_> = match &link {
            Some(_) => unresolved.into_iter().filter(|link| !is_kept(link, &create_only)).collect(),
            None => unresolved,
        };
        let mut waiting = waiting(&attributes, &unresolved, &create_only, fingerprint.as_ref());
        if let Some(waiting) = &mut waiting {
            waiting.additive = additive.as_ref().map(ToString::to_string);
        }
        // One that waits for others is cleared, or written again, once they were looked for.
        let is_open = setback.as_ref().is_some_and(|setback| setback.kind == SetbackKind::OpenReference);
        let wish = Wish {
            had_setback: setback.is_some() && !(is_open && waiting.is_some()),
            waiting,
            additive,
            desired,
            create_only,
            unresolved,
            mark: Mark { fingerprint, due_at },
            identity,
            deactivate: false,
        };
        match link {
            Some(link) if self.existing == Existing::Refuse => {
                let reason = format!(
                    "the record has resource {} at `{}` already; `scimwright provision` would bring it up to date",
                    link.resource_id, self.provisioner.provider
                );
                Ok(Decided::Cannot(Some(link), Trouble::permanent(reason), None))
            }
            Some(link) => Ok(Decided::Do(Box::new(self.decide_linked(link, wish).await?), None)),
            None => self.decide_unlinked(key, wish).await,
        }
    }
}

/// A record that is as it was when its resource was brought up to date.
fn unchanged(link: Link) -> Operation {
    let mark = Mark { fingerprint: link.fingerprint.clone(), due_at: link.due_at };
    let wish = Wish { desired: link.sent.clone(), mark, ..Wish::default() };
    let (key, desired) = (link.key.clone(), link.sent.clone());
    Operation { key, step: Step::Nothing(Box::new(link)), desired, changes: Vec::new(), reason: None, wish }
}

/// What has to wait for the links in it.
fn waiting(
    attributes: &AttributeMap,
    unresolved: &[UnresolvedLink],
    create_only: &[RowTarget],
    fingerprint: Option<&String>,
) -> Option<Waiting> {
    if unresolved.is_empty() {
        return None;
    }
    let attributes: AttributeMap = attributes
        .iter()
        .filter(|(path, _)| unresolved.iter().any(|link| link.path.same_attribute(path)))
        .map(|(path, value)| (path.clone(), value.clone()))
        .collect();
    let create_only = create_only.iter().map(ToString::to_string).collect();
    Some(Waiting { attributes, create_only, additive: None, fingerprint: fingerprint.cloned() })
}

/// Whether an existing resource keeps what this link would go into.
fn is_kept(link: &UnresolvedLink, create_only: &[RowTarget]) -> bool {
    create_only.iter().any(|target| target.is_whole() && target.attribute().same_attribute(&link.path))
}
