//! What a mapping wants of one record, asked outside of a sync: by whoever rebuilds links or explains a resource.

use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::layers::{Layered, Mapped};
use crate::record::Prepared;
use crate::scope::Standpoint;
use scimwright_mapping::{AttributeMap, Outcome, UnresolvedLink};
use scimwright_record::Record;
use scimwright_scim::{AttributePath, Desired};

/// What is wanted of a record's resource.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// It is to have one.
    Resource(Box<WantedResource>),
    /// It is out of scope, for this reason.
    Out(String),
    /// It cannot be said, for this reason.
    Cannot(String),
}

/// A resource as it is wanted.
#[derive(Debug)]
pub(crate) struct WantedResource {
    /// The attributes, prepared for the provider.
    pub(crate) desired: Desired,
    /// Links that point at nothing yet.
    pub(crate) unresolved: Vec<UnresolvedLink>,
    /// How the layers came to it, without its outcome.
    pub(crate) layered: Layered,
    /// The attribute that the membership table filled.
    pub(crate) members: Option<AttributePath>,
}

impl Cycle<'_> {
    /// Maps a record and resolves its links; nothing is compared, sent or remembered.
    pub(crate) async fn wanted(&self, record: Record, has_link: bool) -> Result<Wanted, ProvisionError> {
        match self.provisioner.rules.scope.look(&record, self.began) {
            Ok(Standpoint::In { .. }) => {}
            Ok(Standpoint::Out { reason, .. }) => return Ok(Wanted::Out(reason)),
            Err(reason) => return Ok(Wanted::Cannot(reason)),
        }
        self.wanted_in_scope_or_not(record, has_link).await
    }

    /// The same for a record that may be out of scope: what it would have, or had while it was in scope.
    pub(crate) async fn wanted_in_scope_or_not(
        &self,
        record: Record,
        has_link: bool,
    ) -> Result<Wanted, ProvisionError> {
        let joined = match self.joined(record.key()).await? {
            Ok(joined) => joined,
            Err(trouble) => return Ok(Wanted::Cannot(trouble.reason)),
        };
        let mapped = self.map_all(vec![Prepared::unknown(record, has_link)]).await?.pop();
        let Some((_, Mapped { result, .. })) = mapped else {
            return Err(ProvisionError::Worker("a record got lost on the way".to_owned()));
        };
        let mut layered = match result {
            Ok(Some(layered)) => layered,
            Ok(None) => return Ok(Wanted::Cannot("it changed while it was being looked at".to_owned())),
            Err(error) => match error.unavailable() {
                Some(unavailable) => return Err(ProvisionError::ModuleUnavailable(unavailable)),
                None => return Ok(Wanted::Cannot(error.to_string())),
            },
        };
        let empty = Outcome::Provision(AttributeMap::new());
        let mut attributes = match std::mem::replace(&mut layered.outcome, empty) {
            Outcome::Provision(attributes) => attributes,
            Outcome::Skip(reason) => return Ok(Wanted::Out(reason)),
        };
        let members = joined.as_ref().map(|joined| joined.attribute().clone());
        if let Some(joined) = joined {
            joined.put(&mut attributes);
        }
        let (desired, unresolved) = self.resolve(&attributes).await?;
        Ok(Wanted::Resource(Box::new(WantedResource { desired, unresolved, layered, members })))
    }
}
