//! What a module keeps from one record to the next, which nobody sees until instances are reused.
//!
//! All cases of the same settings run in one instance, in order and then in reverse. A case that comes out
//! otherwise than in a fresh instance depends on what ran before it.

use crate::suite::{Hidden, Tested};
use scimwright_mapping::case::lasting;
use scimwright_mapping::{Case, MappingModule};
use serde_json::Value;

/// Runs the cases in instances that are reused, and notes each that comes out otherwise than fresh.
pub(crate) fn find(module: &MappingModule, cases: &[Case], tested: &mut [Tested]) -> bool {
    let most = u32::try_from(cases.len()).unwrap_or(u32::MAX).saturating_mul(2);
    let reused = module.reused(most);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        let same = |group: &&mut Vec<usize>| {
            group
                .first()
                .and_then(|first| cases.get(*first))
                .is_some_and(|other| other.settings == case.settings)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    for group in groups {
        let reverse = group.iter().rev().copied().collect();
        for order in [group, reverse] {
            pass(&reused, cases, &order, tested);
        }
    }
    true
}

/// One pass over cases in this order, in one instance.
fn pass(module: &MappingModule, cases: &[Case], order: &[usize], tested: &mut [Tested]) {
    let Some(first) = order.first().and_then(|at| cases.get(*at)) else { return };
    let runner = scimwright_mapping::CaseRunner::new(module, &first.settings);
    let mut before: Option<String> = None;
    for at in order {
        let (Some(case), Some(tested)) = (cases.get(*at), tested.get_mut(*at)) else { continue };
        let outcome: Value = runner.run(case).outcome;
        if lasting(&outcome) != lasting(&tested.report.outcome) && tested.hidden.is_none() {
            tested.hidden = Some(Hidden { after: before.clone(), outcome });
        }
        before = Some(tested.name.clone());
    }
}
