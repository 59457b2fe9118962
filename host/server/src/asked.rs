//! What the service is asked by hand while it runs: wishes, and how they are attended to.
//!
//! What a wish means is none of the service's business. It finds it in the state, hands it to whoever knows, and sees to
//! it that nobody works at a provider beside another, that a wish is begun once or not at all, and that the one who
//! asked is answered.

use crate::event::Happening;
use crate::setup::{Attendant, Trouble};
use crate::tenant::TenantWork;
use crate::turns::{Turn, Turns};
use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use scimwright_provision::{Event, StopSignal};
use scimwright_record::ProviderName;
use scimwright_state::{LinkScope, StateError, TenantState, Wish, WishAnswer};
use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Why a wish is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotBegun {
    /// It was withdrawn, or nobody waits for it any more.
    #[error("it was withdrawn, or whoever asked is gone")]
    Withdrawn,
    /// The service was told to stop.
    #[error("the service was told to stop")]
    Stopping,
    /// The state does not let us.
    #[error("{0}")]
    State(String),
}

/// A wish, on its way to being carried out.
pub struct Asked {
    wish: Wish,
    state: TenantState,
    turns: Turns,
    stop: StopSignal,
    say: Box<dyn Fn(Happening) + Send + Sync>,
    answer: Mutex<Answer>,
    /// What it is, in words.
    words: Mutex<String>,
}

enum Answer {
    /// What was said before it was begun.
    Kept(Vec<String>),
    Given(WishAnswer),
    /// It is not to be begun any more, or cannot be heard.
    Lost,
}

impl Asked {
    /// What is asked, as the one who asked put it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.wish.text
    }

    /// Ends what was begun.
    #[must_use]
    pub fn stop(&self) -> &StopSignal {
        &self.stop
    }

    /// Says what the wish is, in words for the administrator.
    pub fn means(&self, words: &str) {
        words.clone_into(&mut lock(&self.words));
    }

    /// Waits until nobody else works with a provider, and begins with the wish where it was not begun yet.
    ///
    /// # Errors
    /// [`NotBegun`] where nothing is to be done any more.
    pub async fn turn(&self, provider: &ProviderName) -> Result<Turn, NotBegun> {
        let turn = match select(pin!(self.stop.requested()), pin!(self.turns.take_by_hand(provider))).await {
            Either::Left(_) => return Err(NotBegun::Stopping),
            Either::Right((turn, _)) => turn,
        };
        self.begin().await?;
        Ok(turn)
    }

    /// Begins: from now on it cannot be withdrawn, and will never be begun again.
    ///
    /// # Errors
    /// [`NotBegun`] where it was withdrawn, or could not be answered.
    pub async fn begin(&self) -> Result<(), NotBegun> {
        match &*lock(&self.answer) {
            Answer::Given(_) => return Ok(()),
            Answer::Lost => return Err(NotBegun::Withdrawn),
            Answer::Kept(_) => {}
        }
        let begun = self.take().await;
        let mut answer = lock(&self.answer);
        let kept = match std::mem::replace(&mut *answer, Answer::Lost) {
            Answer::Kept(lines) => lines,
            Answer::Given(_) | Answer::Lost => Vec::new(),
        };
        let given = match begun {
            Ok(given) => given,
            Err(reason) => {
                drop(answer);
                (self.say)(Happening::WishDropped { wish: self.words(), reason: reason.to_string() });
                return Err(reason);
            }
        };
        *answer = Answer::Given(given);
        drop(answer);
        (self.say)(Happening::WishTaken { wish: self.words() });
        kept.iter().for_each(|line| self.tell(line));
        Ok(())
    }

    async fn take(&self) -> Result<WishAnswer, NotBegun> {
        let state = |error: StateError| NotBegun::State(error.to_string());
        if !self.state.take_wish(self.wish.id).await.map_err(state)? {
            return Err(NotBegun::Withdrawn);
        }
        self.state.answer_wish(self.wish.id).map_err(state)
    }

    /// Tells the one who asked: a line without a line break in it.
    pub fn tell(&self, line: &str) {
        let mut answer = lock(&self.answer);
        let failure = match &mut *answer {
            Answer::Kept(lines) => {
                lines.push(line.to_owned());
                return;
            }
            Answer::Given(given) => given.say(line).err(),
            Answer::Lost => return,
        };
        // What was begun goes on; it stands in the log and in the runs as well.
        if let Some(error) = failure {
            *answer = Answer::Lost;
            drop(answer);
            (self.say)(Happening::WishTrouble { reason: format!("its answer is lost: {error}") });
        }
    }

    /// Says that the wish cannot be understood, so that it does not go unnoticed.
    pub fn refuse(&self, reason: &str) {
        (self.say)(Happening::WishTrouble { reason: reason.to_owned() });
    }

    /// Passes on what a run says to whoever listens to the service.
    pub fn say_of_run(&self, about: &LinkScope, event: &Event) {
        (self.say)(Happening::of_run(about, event));
    }

    fn words(&self) -> String {
        lock(&self.words).clone()
    }
}

/// Attends to the wishes of a tenant until it is told to stop, then lets those that were begun come to their ends.
pub(crate) async fn attend(
    work: &TenantWork,
    state: &TenantState,
    turns: &Turns,
    attendant: &dyn Attendant,
    ready: watch::Receiver<bool>,
) -> Result<(), Trouble> {
    let mut under_way = FuturesUnordered::new();
    let mut known = BTreeSet::new();
    let mut trouble = None;
    let mut told = pin!(work.stop.requested());
    loop {
        // Those under way go on meanwhile: whichever of them is next at the state's connection has to take it.
        let found = {
            let mut look = pin!(state.wishes());
            loop {
                tokio::select! {
                    found = &mut look => break found,
                    Some(()) = under_way.next() => {}
                }
            }
        };
        match found {
            Ok(found) => {
                trouble = None;
                for reason in found.junk {
                    work.say(Happening::WishTrouble { reason });
                }
                for wish in found.waiting {
                    if known.insert(wish.id) {
                        under_way.push(carry_out(work, state, turns, attendant, ready.clone(), wish));
                    }
                }
            }
            // The next look may go better, and rounds do not need wishes.
            Err(error) => {
                let reason = format!("wishes cannot be looked for: {error}");
                if trouble.as_ref() != Some(&reason) {
                    trouble = Some(reason.clone());
                    work.say(Happening::WishTrouble { reason });
                }
            }
        }
        let mut pause = pin!(tokio::time::sleep(work.options.scan_interval));
        loop {
            tokio::select! {
                () = &mut told => {
                    while under_way.next().await.is_some() {}
                    return Ok(());
                }
                () = &mut pause => break,
                Some(()) = under_way.next() => {}
            }
        }
    }
}

async fn carry_out(
    work: &TenantWork,
    state: &TenantState,
    turns: &Turns,
    attendant: &dyn Attendant,
    mut ready: watch::Receiver<bool>,
    wish: Wish,
) {
    let is_ready = pin!(ready.wait_for(|ready| *ready));
    // Modules are loaded first.
    if let Either::Left(_) = select(pin!(work.stop.requested()), is_ready).await {
        return;
    }
    let id = wish.id;
    let asked = Arc::new(Asked {
        words: Mutex::new("something that is not understood".to_owned()),
        wish,
        state: state.clone(),
        turns: turns.clone(),
        stop: work.stop.clone(),
        say: work.sayer(),
        answer: Mutex::new(Answer::Kept(Vec::new())),
    });
    attendant.attend(Arc::clone(&asked)).await;
    let is_whole = matches!(&*lock(&asked.answer), Answer::Given(_));
    if is_whole {
        (asked.say)(Happening::WishDone { wish: asked.words() });
    }
    // Whoever waits for an answer that is lost must not wait for ever.
    if let Err(error) = state.wish_answered(id, is_whole).await {
        work.say(Happening::WishTrouble { reason: error.to_string() });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Happening {
    /// What a run says.
    #[must_use]
    pub(crate) fn of_run(about: &LinkScope, event: &Event) -> Self {
        Self::Run {
            provider: about.provider.clone(),
            resource_type: about.resource_type.clone(),
            event: Box::new(event.clone()),
        }
    }
}

impl TenantWork {
    /// Says what happens, for whoever outlives this borrow.
    pub(crate) fn sayer(&self) -> Box<dyn Fn(Happening) + Send + Sync> {
        let (observer, tenant) = (Arc::clone(&self.observer), self.setup.tenant().clone());
        Box::new(move |what| {
            let tenant = Some(tenant.clone());
            observer.observe(&crate::event::ServiceEvent { at: Timestamp::now(), tenant, what });
        })
    }
}
