//! A living instance, and the call that it is working on.
//!
//! Most instances live for one record. Where a module asks for it and the operator grants it, an instance is kept
//! for the next one. What is limited for a call begins anew with each; memory goes on being summed, as it
//! goes on being held. An instance in which anything went wrong is never used again.

use crate::call::{Call, Finished, Stage};
use crate::contract::{attribute_mapping, default_values};
use crate::error::Fault;
use crate::host::Shared;
use crate::instances::{Owner, Place, Turn};
use std::sync::Arc;
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Store, UpdateDeadline};

/// Ticks between two looks at the time.
const TICKS_PER_LOOK: u64 = 1;

/// A living instance. The store goes first, then its place.
pub(crate) struct Live {
    store: Store<Call>,
    pub(crate) instance: Instance,
    pub(crate) exports: Exports,
    /// How many more records it may map.
    left: u32,
    _place: Place,
}

/// The exports that were looked up so far.
#[derive(Default)]
pub(crate) struct Exports {
    mapping: Option<attribute_mapping::Guest>,
    defaults: Option<default_values::Guest>,
}

impl Exports {
    /// The export `attribute-mapping`.
    pub(crate) fn mapping(
        &mut self,
        indices: &attribute_mapping::GuestIndices,
        store: &mut Store<Call>,
        instance: &Instance,
    ) -> wasmtime::Result<&attribute_mapping::Guest> {
        match &mut self.mapping {
            Some(known) => Ok(known),
            none => Ok(none.insert(indices.load(store, instance)?)),
        }
    }

    /// The export `default-values`.
    pub(crate) fn defaults(
        &mut self,
        indices: &default_values::GuestIndices,
        store: &mut Store<Call>,
        instance: &Instance,
    ) -> wasmtime::Result<&default_values::Guest> {
        match &mut self.defaults {
            Some(known) => Ok(known),
            none => Ok(none.insert(indices.load(store, instance)?)),
        }
    }
}

/// What a call needs to get an instance.
pub(crate) struct Home<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) owner: &'a Arc<Owner>,
    pub(crate) instances: &'a InstancePre<Call>,
    /// How many records an instance may map; 0 as 1.
    pub(crate) reuse: u32,
}

impl Home<'_> {
    /// Does `work` for a call, in an instance that is kept where it may be. Waits for a turn.
    pub(crate) fn run<R>(
        &self,
        call: Call,
        work: impl FnOnce(&mut Store<Call>, &Instance, &mut Exports) -> wasmtime::Result<R>,
    ) -> Finished<R> {
        let turn = match self.shared.instances.take(self.owner) {
            Ok(turn) => turn,
            Err(crowded) => {
                return call.never_begun(Fault::Crowded { whose: crowded.whose, places: crowded.places });
            }
        };
        let _running = self.shared.ticker.run();
        let (mut live, fresh) = match turn {
            Turn::Again(mut live) => {
                live.store.data_mut().next(call);
                self.begin(&mut live.store);
                (live, false)
            }
            Turn::New(place) => match self.instantiate(call, place) {
                Ok(live) => (live, true),
                Err(failed) => return *failed,
            },
        };
        let value = work(&mut live.store, &live.instance, &mut live.exports);
        let mut finished = self.finish(&mut live.store, value.map_err(|error| (error, Stage::Call)));
        finished.evidence.usage.fresh = fresh;
        live.left -= 1;
        if finished.value.is_ok() && live.left > 0 {
            finished.kept = Some(live);
        }
        finished
    }

    /// Keeps an instance for the next record, once the outcome was looked at and found good.
    pub(crate) fn keep(&self, live: Live) {
        self.shared.instances.keep(self.owner, live);
    }

    fn instantiate<R>(&self, mut call: Call, place: Place) -> Result<Live, Box<Finished<R>>> {
        // Waiting for a place is not the guest's doing.
        call.start_clocks();
        let mut store = Store::new(&self.shared.engine, call);
        store.limiter(Call::meter);
        store.epoch_deadline_callback(|store| {
            store.data().look_at_the_time()?;
            Ok(UpdateDeadline::Continue(TICKS_PER_LOOK))
        });
        self.begin(&mut store);
        match self.instances.instantiate(&mut store) {
            Ok(instance) => {
                let left = self.reuse.max(1);
                Ok(Live { store, instance, exports: Exports::default(), left, _place: place })
            }
            Err(error) => Err(Box::new(self.finish(&mut store, Err((error, Stage::Instantiation))))),
        }
    }

    /// Sets what is limited for a call.
    fn begin(&self, store: &mut Store<Call>) {
        store.set_hostcall_fuel(store.data().limits().output_bytes);
        store.set_epoch_deadline(TICKS_PER_LOOK);
        if self.shared.options.count_fuel {
            // What is spent is what counts. Time is the limit.
            let _ = store.set_fuel(u64::MAX);
        }
    }

    /// What a call leaves behind.
    fn finish<R>(&self, store: &mut Store<Call>, value: Result<R, (wasmtime::Error, Stage)>) -> Finished<R> {
        // Asked where it is counted only: elsewhere the answer is an error, and may cost a backtrace.
        let left = self.shared.options.count_fuel.then(|| store.get_fuel().ok()).flatten();
        let mut finished = store.data_mut().finish(value);
        finished.evidence.usage.fuel = left.map(|left| u64::MAX - left);
        finished
    }
}
