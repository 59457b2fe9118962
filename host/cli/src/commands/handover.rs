//! Handing work over to a running service: it holds the state, so it does what the command cannot.

use crate::args::{Common, Output};
use crate::config::model::Tenant;
use crate::exit::Exit;
use crate::report::json;
use crate::signals;
use crate::terminal::err;
use crate::wish::{Told, Wish};
use scimwright_state::{AskedWish, StateError, WishStanding};
use std::pin::pin;
use std::time::{Duration, Instant};

/// How often it is looked whether there is an answer.
const LOOK: Duration = Duration::from_millis(200);

/// How long a service may take to notice that it is asked. It looks twice a second.
const NOTICE: Duration = Duration::from_secs(30);

/// How long after that it is said what is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was handed over came back without a result.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct HandedBack {
    text: String,
    /// The exit code that fits.
    pub(crate) exit: Exit,
}

fn back(text: impl Into<String>, exit: Exit) -> anyhow::Error {
    HandedBack { text: text.into(), exit }.into()
}

/// Whether what keeps us from the state is a service that can be asked.
pub(super) fn is_served(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(StateError::Held { is_service: true, .. }))
}

/// Asks the service, shows what it says, and ends as the command would have ended. `held` is what kept the command from
/// doing it itself.
pub(super) async fn hand_over(
    common: &Common,
    tenant: &Tenant,
    held: anyhow::Error,
    wish: &Wish,
    show: &(dyn Fn(Told) + Sync),
) -> anyhow::Result<Exit> {
    let text = serde_json::to_string(wish)?;
    let Some(mut asked) = AskedWish::ask(&tenant.state, &tenant.name, &text).await? else { return Err(held) };
    say(common, "a running service holds the state, so it was asked to do this");
    let outcome = wait(common, &mut asked, show).await;
    asked.leave().await;
    outcome
}

async fn wait(common: &Common, asked: &mut AskedWish, show: &(dyn Fn(Told) + Sync)) -> anyhow::Result<Exit> {
    let mut interrupted = pin!(signals::interrupted());
    let began = Instant::now();
    let (mut is_gone, mut was_begun, mut is_waiting) = (false, false, false);
    loop {
        let lines = asked.answer()?;
        let is_silent = lines.is_empty();
        was_begun |= !is_silent;
        for line in lines {
            match serde_json::from_str(&line) {
                Ok(Told::Done { exit }) => return Ok(Exit::numbered(exit)),
                Ok(Told::Failed { text, exit }) => return Err(back(text, Exit::numbered(exit))),
                Ok(told) => show(told),
                Err(error) => {
                    let text = format!(
                        "what the service answers is not understood ({error}); is it another version of scimwright? \
                         What was begun goes on there, and `scimwright status` shows what becomes of it"
                    );
                    return Err(back(text, Exit::Failure));
                }
            }
        }
        if is_silent {
            if is_gone {
                return Err(gone(was_begun));
            }
            match asked.standing().await? {
                // What it said at the very end is still to be read.
                WishStanding::Gone => {
                    is_gone = true;
                    continue;
                }
                WishStanding::Unseen if began.elapsed() > NOTICE && asked.withdraw().await? => {
                    let text = format!(
                        "the service did not answer within {} s, and was told that it need not; nothing was begun. See \
                         what it does, and start it again if it does nothing",
                        NOTICE.as_secs()
                    );
                    return Err(back(text, Exit::Failure));
                }
                WishStanding::Waiting if !is_waiting && began.elapsed() > PATIENCE => {
                    is_waiting = true;
                    say(
                        common,
                        "it waits until the round is over that is under way there; Ctrl-C takes it back",
                    );
                }
                WishStanding::Taken => was_begun = true,
                WishStanding::Unseen | WishStanding::Waiting => {}
            }
        }
        // Also while there is much to read, it is heard that nobody wants to read it.
        let pause = if is_silent { LOOK } else { Duration::ZERO };
        tokio::select! {
            biased;
            () = &mut interrupted => {
                let text = match asked.withdraw().await? {
                    true => "taken back; nothing was begun",
                    false => {
                        "this command ends, and the service goes on with what it was asked; `scimwright status` shows \
                         what becomes of it"
                    }
                };
                return Err(back(text, Exit::Stopped));
            }
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Why there will be no answer any more.
fn gone(was_begun: bool) -> anyhow::Error {
    let text = match was_begun {
        true => {
            "the service ended before it was done with this, or cannot say what became of it. What it did is remembered, \
             and it will not go on by itself: `scimwright status` shows how far it came; run the command again"
        }
        false => {
            "the service ended before it began with this, or could not begin, and nobody else will. Run the command again"
        }
    };
    back(text, Exit::Failure)
}

fn say(common: &Common, text: &str) {
    match common.output {
        Output::Human => err(&format!("note: {text}")),
        Output::Json => json::note(text),
    }
}
