//! Places for instances: so many for the server, for a tenant and for a module, each held by one instance.
//!
//! The pool that instances live in has a fixed size, and no tenant may fill it. A call that finds no place waits
//! for its turn. An instance that is kept for its module's next record holds its place meanwhile; whoever needs a
//! place and finds none takes that of the instance that has been idle longest. So nothing that merely waits
//! for work keeps anybody from working, and every place that is not idle is given back within the wall-clock
//! limit of the call that holds it.

use crate::live::Live;
use scimwright_record::TenantName;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// All places of a server.
pub(crate) struct Instances {
    places: Arc<Places>,
    tenants: Mutex<HashMap<TenantName, Weak<Count>>>,
    /// How long a call waits.
    patience: Duration,
}

struct Places {
    state: Mutex<State>,
    freed: Condvar,
    total: u32,
    per_tenant: u32,
}

#[derive(Default)]
struct State {
    held: u32,
    /// Those that wait for their module's next record, idle longest first.
    idle: VecDeque<(Arc<Owner>, Live)>,
}

/// How many places somebody holds. Only touched under the lock of [`Places`].
#[derive(Debug, Default)]
struct Count(std::sync::atomic::AtomicU32);

/// Whose instances they are: those of one module under one set of terms.
pub(crate) struct Owner {
    tenant: Arc<Count>,
    module: Count,
    most: u32,
}

/// A place that is held. It is free again when this is dropped, which has to be after the instance's store.
pub(crate) struct Place {
    places: Arc<Places>,
    owner: Arc<Owner>,
}

/// Where a call may go on.
pub(crate) enum Turn {
    /// In an instance that has mapped records before.
    Again(Live),
    /// In a new one.
    New(Place),
}

/// Nobody gave a place back in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crowded {
    /// Whose places are all held.
    pub(crate) whose: &'static str,
    /// How many there are.
    pub(crate) places: u32,
}

impl Count {
    fn get(&self) -> u32 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn set(&self, count: u32) {
        self.0.store(count, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Instances {
    /// So many places in all, and so many for each tenant; at least one of both. Whoever finds none waits this long.
    pub(crate) fn new(total: u32, per_tenant: u32, patience: Duration) -> Self {
        let places = Places {
            state: Mutex::default(),
            freed: Condvar::new(),
            total: total.max(1),
            per_tenant: per_tenant.max(1),
        };
        Self { places: Arc::new(places), tenants: Mutex::default(), patience }
    }

    /// Somebody who will ask for places, at most for so many at once.
    pub(crate) fn owner(&self, tenant: &TenantName, most: u32) -> Arc<Owner> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let tenant = match tenants.get(tenant).and_then(Weak::upgrade) {
            Some(known) => known,
            None => {
                tenants.retain(|_, count| count.strong_count() > 0);
                let count = Arc::new(Count::default());
                tenants.insert(tenant.clone(), Arc::downgrade(&count));
                count
            }
        };
        Arc::new(Owner { tenant, module: Count::default(), most: most.max(1) })
    }

    /// A turn for this owner: one of its idle instances, or a place for a new one. Waits until there is one.
    pub(crate) fn take(&self, owner: &Arc<Owner>) -> Result<Turn, Crowded> {
        let deadline = Instant::now() + self.patience;
        let mut state = self.places.lock();
        loop {
            // The one that was idle shortest is the warmest.
            if let Some(at) = state.idle.iter().rposition(|(other, _)| Arc::ptr_eq(other, owner))
                && let Some((_, live)) = state.idle.remove(at)
            {
                return Ok(Turn::Again(live));
            }
            let Some(crowded) = self.places.full(&state, owner) else {
                state.held += 1;
                owner.tenant.set(owner.tenant.get() + 1);
                owner.module.set(owner.module.get() + 1);
                let place = Place { places: Arc::clone(&self.places), owner: Arc::clone(owner) };
                return Ok(Turn::New(place));
            };
            let idle = state.idle.iter().position(|(other, _)| match crowded.whose {
                SERVER => true,
                TENANT => Arc::ptr_eq(&other.tenant, &owner.tenant),
                // Its own idle ones were looked for above.
                _ => false,
            });
            if let Some(at) = idle {
                let evicted = state.idle.remove(at);
                // Dropping it takes the lock.
                drop(state);
                drop(evicted);
                state = self.places.lock();
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(crowded);
            }
            state = self.places.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Keeps an instance for its owner's next record.
    pub(crate) fn keep(&self, owner: &Arc<Owner>, live: Live) {
        self.places.lock().idle.push_back((Arc::clone(owner), live));
        // Somebody who waits for a place may take this one's.
        self.places.freed.notify_all();
    }

    /// Drops the idle instances of an owner who is gone.
    pub(crate) fn forget(&self, owner: &Arc<Owner>) {
        let mut state = self.places.lock();
        let (gone, kept): (VecDeque<_>, _) =
            std::mem::take(&mut state.idle).into_iter().partition(|(other, _)| Arc::ptr_eq(other, owner));
        state.idle = kept;
        drop(state);
        drop(gone);
    }
}

const SERVER: &str = "of this process";
const TENANT: &str = "of the tenant";
const MODULE: &str = "of the module";

impl Places {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Counts are never left half changed, so a panic elsewhere cannot have spoilt them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose places are all held, if somebody's are whom it concerns.
    fn full(&self, state: &State, owner: &Owner) -> Option<Crowded> {
        [
            (MODULE, owner.module.get(), owner.most),
            (TENANT, owner.tenant.get(), self.per_tenant),
            (SERVER, state.held, self.total),
        ]
        .into_iter()
        .find(|(_, held, most)| held >= most)
        .map(|(whose, _, places)| Crowded { whose, places })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.lock();
        state.held -= 1;
        self.owner.tenant.set(self.owner.tenant.get() - 1);
        self.owner.module.set(self.owner.module.get() - 1);
        drop(state);
        // Those who wait do so for different reasons.
        self.places.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn tenant(name: &str) -> TenantName {
        TenantName::parse(name).unwrap()
    }

    #[test]
    fn no_more_calls_run_at_once_than_there_are_places() {
        let instances = Instances::new(3, 2, Duration::from_secs(60));
        let owners = [
            instances.owner(&tenant("a"), 9),
            instances.owner(&tenant("a"), 1),
            instances.owner(&tenant("b"), 9),
        ];
        let (running, most) = (AtomicU32::new(0), AtomicU32::new(0));
        let (running_a, most_a) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for number in 0..9 {
                let (instances, owner) = (&instances, &owners[number % 3]);
                let (running, most, running_a, most_a) = (&running, &most, &running_a, &most_a);
                scope.spawn(move || {
                    for _ in 0..50 {
                        let place = instances.take(owner).ok();
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        if number % 3 < 2 {
                            most_a.fetch_max(running_a.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        }
                        std::thread::yield_now();
                        if number % 3 < 2 {
                            running_a.fetch_sub(1, Ordering::SeqCst);
                        }
                        running.fetch_sub(1, Ordering::SeqCst);
                        drop(place);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 3);
        assert!(most_a.load(Ordering::SeqCst) <= 2);
        assert_eq!(instances.places.lock().held, 0);
    }

    #[test]
    fn a_tenant_that_holds_all_of_its_places_takes_none_of_the_others() {
        let instances = Instances::new(4, 2, Duration::from_millis(20));
        let (greedy, other) = (instances.owner(&tenant("greedy"), 9), instances.owner(&tenant("other"), 9));
        let held: Vec<_> = (0..2).map(|_| instances.take(&greedy).ok().unwrap()).collect();
        let crowded = instances.take(&greedy).err();
        assert_eq!(crowded, Some(Crowded { whose: "of the tenant", places: 2 }));
        assert!(instances.take(&other).is_ok());
        drop(held);
        assert!(instances.take(&greedy).is_ok());
    }
}
