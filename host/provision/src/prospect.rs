//! What becomes of a resource whose record left, as far as its own rules and its own past say: the same judgement that
//! deprovisioning makes, in words. What only a whole run knows (how many go together, rows that cannot be read) may
//! still hold it up.

use crate::deprovision::{self, Verdict};
use crate::rules::{DeprovisionAction, DeprovisionRules};
use jiff::{SignedDuration, Timestamp};
use scimwright_state::{Link, Standing};
use std::time::Duration;

/// What becomes of a resource whose record left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prospect {
    /// Whoever leaves is left alone.
    LeftAlone,
    /// The administrator protects the record.
    Protected,
    /// It was there before us, and such resources stay.
    Adopted,
    /// Another record claims it, and nobody knows whose it is.
    Contested,
    /// It is disabled, and stays so.
    StaysDisabled,
    /// The next sync disables it.
    Disable,
    /// The next sync disables it, and it is deleted when it was so for this time.
    DisableThenDelete {
        /// How long it stays disabled.
        after: Duration,
    },
    /// The next sync deletes it.
    Delete,
    /// The next sync disables it, and the provider deletes what is disabled.
    DeleteByDisabling,
    /// It was disabled, and the provider deleted it.
    StaysDeleted,
    /// It is disabled, and is deleted from this moment on.
    DeleteFrom(Timestamp),
}

impl Prospect {
    /// What becomes of this resource under these rules.
    #[must_use]
    pub fn of(rules: &DeprovisionRules, link: &Link, now: Timestamp) -> Self {
        let disabled = link.standing == Standing::Disabled;
        // Whom a rule spares is spared from the deletion that comes later, too.
        let spared = deprovision::spared(rules, link);
        let prospect = match (rules.action, spared) {
            (DeprovisionAction::Nothing, _) => Self::LeftAlone,
            (DeprovisionAction::Disable, _) if disabled => Self::StaysDisabled,
            (_, Some(Verdict::Protected)) => Self::Protected,
            (_, Some(_)) => Self::Adopted,
            (DeprovisionAction::Disable, None) => Self::Disable,
            (DeprovisionAction::Delete, None) => Self::Delete,
            (DeprovisionAction::DisableThenDelete { after }, None) if disabled => {
                match over_at(link, after).filter(|over| *over > now) {
                    Some(over) => Self::DeleteFrom(over),
                    None => Self::Delete,
                }
            }
            (DeprovisionAction::DisableThenDelete { after }, None) => Self::DisableThenDelete { after },
        };
        match prospect {
            Self::Disable | Self::DisableThenDelete { .. } if rules.disabling_deletes => {
                Self::DeleteByDisabling
            }
            Self::StaysDisabled | Self::DeleteFrom(_) if rules.disabling_deletes => Self::StaysDeleted,
            prospect => prospect,
        }
    }

    /// What becomes of it where so many other records claim it.
    #[must_use]
    pub fn contested_by(self, claimants: usize) -> Self {
        if claimants > 0 && self.is_pending() { Self::Contested } else { self }
    }

    /// Whether the next run does something about it.
    #[must_use]
    pub fn is_pending(self) -> bool {
        match self {
            Self::Disable | Self::DisableThenDelete { .. } | Self::Delete | Self::DeleteByDisabling => true,
            Self::LeftAlone
            | Self::Protected
            | Self::Adopted
            | Self::Contested
            | Self::StaysDisabled
            | Self::StaysDeleted
            | Self::DeleteFrom(_) => false,
        }
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LeftAlone
            | Self::Protected
            | Self::Adopted
            | Self::Contested
            | Self::StaysDisabled
            | Self::StaysDeleted => "stays",
            Self::Disable | Self::DisableThenDelete { .. } => "disable",
            Self::Delete | Self::DeleteFrom(_) | Self::DeleteByDisabling => "delete",
        }
    }

    /// What becomes of it, as the end of a sentence. `run` is the one that notices: `sync`, `full sync`.
    #[must_use]
    pub fn sentence(self, run: &str) -> String {
        match self {
            Self::LeftAlone => "it stays: resources of those who left are left alone".to_owned(),
            Self::Protected => "it stays as it is: `protect` names it".to_owned(),
            Self::Adopted => {
                "it stays as it is: it was at the provider before us; deprovision_adopted = true would \
                              include it"
                    .to_owned()
            }
            Self::Contested => "it stays as it is: another record claims the resource".to_owned(),
            Self::StaysDisabled => "it stays disabled".to_owned(),
            Self::Disable => format!("the next {run} disables it, if nothing holds that up"),
            Self::DisableThenDelete { after } => format!(
                "the next {run} disables it, if nothing holds that up, and it is deleted {} later",
                days(after)
            ),
            Self::Delete => format!("the next {run} deletes it, if nothing holds that up"),
            Self::DeleteByDisabling => {
                format!(
                    "the next {run} disables it, if nothing holds that up, and disabling deletes it there"
                )
            }
            Self::StaysDeleted => "it stays deleted".to_owned(),
            Self::DeleteFrom(moment) => {
                format!("it will be deleted on or after {}, unless its record comes back", at(moment))
            }
        }
    }
}

/// When the time is over for which a disabled resource is kept. A link is touched when its resource is disabled, and not
/// again while the record is away.
pub(crate) fn over_at(link: &Link, after: Duration) -> Option<Timestamp> {
    link.updated_at.checked_add(SignedDuration::try_from(after).ok()?).ok()
}

/// A time in days, as the configuration gives it.
pub(crate) fn days(time: Duration) -> String {
    match time.as_secs() / (24 * 60 * 60) {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// A moment as it stands in a sentence.
pub(crate) fn at(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A day as it stands in a sentence.
pub(crate) fn day(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, rules};
    use scimwright_state::Ownership;
    use std::collections::HashSet;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn link(ownership: Ownership, standing: Standing) -> Link {
        fixture::link(ownership, standing, "2026-03-01T08:00:00Z".parse().unwrap())
    }

    #[test]
    fn what_is_said_of_a_leaver_is_what_the_rules_do_to_them() {
        use DeprovisionAction::{Delete, Disable, DisableThenDelete, Nothing};
        let (ours, active) = (Ownership::Created, Standing::Active);
        let both = DisableThenDelete { after: 30 * DAY };
        let of = |action, ownership, standing, later: Duration| {
            let link = link(ownership, standing);
            let now = link.updated_at + later;
            Prospect::of(&rules(action), &link, now)
        };
        assert_eq!(of(Nothing, ours, active, DAY), Prospect::LeftAlone);
        assert_eq!(of(Disable, ours, active, DAY), Prospect::Disable);
        assert_eq!(of(Disable, ours, Standing::Disabled, DAY), Prospect::StaysDisabled);
        assert_eq!(of(Delete, ours, active, DAY), Prospect::Delete);
        assert_eq!(of(Delete, Ownership::Adopted, active, DAY), Prospect::Adopted);
        assert_eq!(of(both, ours, active, DAY), Prospect::DisableThenDelete { after: 30 * DAY });
        assert_eq!(of(both, Ownership::Adopted, Standing::Disabled, DAY), Prospect::Adopted);
        assert_eq!(
            of(both, ours, Standing::Disabled, DAY).sentence("sync"),
            "it will be deleted on or after 2026-03-31 08:00:00Z, unless its record comes back"
        );
        assert_eq!(of(both, ours, Standing::Disabled, 30 * DAY), Prospect::Delete);
    }

    #[test]
    fn where_disabling_deletes_nobody_is_said_to_be_kept() {
        use DeprovisionAction::{Delete, Disable, DisableThenDelete, Nothing};
        let of = |action, standing| {
            let link = link(Ownership::Created, standing);
            let rules = DeprovisionRules { disabling_deletes: true, ..rules(action) };
            Prospect::of(&rules, &link, link.updated_at + DAY)
        };
        for action in [Disable, DisableThenDelete { after: 30 * DAY }] {
            assert_eq!(of(action, Standing::Active), Prospect::DeleteByDisabling);
            assert_eq!(of(action, Standing::Disabled), Prospect::StaysDeleted);
        }
        assert_eq!(of(Delete, Standing::Active), Prospect::Delete);
        assert_eq!(of(Nothing, Standing::Active), Prospect::LeftAlone);
        assert_eq!(
            Prospect::DeleteByDisabling.sentence("sync"),
            "the next sync disables it, if nothing holds that up, and disabling deletes it there"
        );
    }

    #[test]
    fn whom_a_rule_spares_is_never_said_to_be_deprovisioned() {
        let link = link(Ownership::Adopted, Standing::Active);
        let included = DeprovisionRules { include_adopted: true, ..rules(DeprovisionAction::Delete) };
        assert_eq!(Prospect::of(&included, &link, link.updated_at), Prospect::Delete);
        let named = DeprovisionRules { protected: HashSet::from([link.key.clone()]), ..included };
        assert_eq!(Prospect::of(&named, &link, link.updated_at), Prospect::Protected);
        assert_eq!(Prospect::Protected.sentence("sync"), "it stays as it is: `protect` names it");
    }

    /// The words come from another place than the deeds, and may not part from them.
    #[test]
    fn what_is_said_agrees_with_what_deprovisioning_judges() {
        use DeprovisionAction::{Delete, Disable, DisableThenDelete, Nothing};
        for action in [Nothing, Disable, Delete, DisableThenDelete { after: 30 * DAY }] {
            for ownership in [Ownership::Created, Ownership::Adopted] {
                for standing in [Standing::Active, Standing::Disabled] {
                    for later in [DAY, 31 * DAY] {
                        for protected in [false, true] {
                            let link = link(ownership, standing);
                            let now = link.updated_at + later;
                            let mut rules = rules(action);
                            rules.protected.extend(protected.then(|| link.key.clone()));
                            let goes = deprovision::verdict(&rules, &link, false, now) == Verdict::Go;
                            let prospect = Prospect::of(&rules, &link, now);
                            let said = prospect.is_pending();
                            assert_eq!(goes, said, "{action:?} {ownership} {standing} {prospect:?}");
                            let contested = deprovision::verdict(&rules, &link, true, now);
                            assert_ne!(contested, Verdict::Go);
                            assert_eq!(goes, prospect.contested_by(1) == Prospect::Contested, "{prospect:?}");
                        }
                    }
                }
            }
        }
    }
}
