//! The other end of handing over: what a service does that is asked by a command.

use super::classify;
use super::serve::Configured;
use super::{calls, run};
use crate::wish::{Told, Wish};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use scimwright_provision::{Event, Existing};
use scimwright_record::ProviderName;
use scimwright_server::{Asked, Attendant, Turn};
use scimwright_state::LinkScope;
use std::sync::Arc;

impl Attendant for Configured {
    fn attend(&self, asked: Arc<Asked>) -> LocalBoxFuture<'_, ()> {
        async move {
            let outcome = match serde_json::from_str::<Wish>(asked.text()) {
                Ok(wish) => {
                    asked.means(&wish.words());
                    self.carry_out(&asked, &wish).await
                }
                Err(error) => {
                    let reason = format!("it is no wish that this version understands: {error}");
                    asked.refuse(&reason);
                    Err(anyhow::anyhow!("the service was asked and does not understand: {reason}"))
                }
            };
            let last = match outcome {
                Ok(exit) => Told::Done { exit: exit as u8 },
                Err(error) => Told::Failed { text: format!("{error:#}"), exit: classify(&error) as u8 },
            };
            // Where nothing was done, it is begun and ended here. Where it was withdrawn, nobody listens.
            if asked.begin().await.is_ok() {
                tell(&asked, &last);
            }
        }
        .boxed_local()
    }
}

impl Configured {
    async fn carry_out(&self, asked: &Arc<Asked>, wish: &Wish) -> anyhow::Result<crate::exit::Exit> {
        if self.has_changed() {
            let text = "the configuration was changed after the service was started, and the service goes by what it \
                        was then; start it again for the changes to count";
            tell(asked, &Told::Note { text: text.to_owned() });
        }
        let (tenant, modules, state) = (&self.tenant, &self.modules, &self.state);
        let told = |told: Told| tell(asked, &told);
        let hear = |about: &LinkScope, event: &Event| asked.say_of_run(about, event);
        match wish {
            Wish::Sync { options, every_record } => {
                Ok(run::sync_for(asked, tenant, options, *every_record, modules, state).await)
            }
            Wish::Provision { options } | Wish::ProvisionNew { options } => {
                let existing = match wish {
                    Wish::ProvisionNew { .. } => Existing::Refuse,
                    _ => Existing::Change,
                };
                let _turn = turn(asked, &options.resource.provider).await?;
                calls::provision_one(tenant, options, existing, modules, state, &told, &hear).await
            }
            Wish::Delete { options } => {
                let _turn = turn(asked, &options.resource.provider).await?;
                calls::delete_one(tenant, options, Some(state.clone()), &told).await
            }
        }
    }
}

async fn turn(asked: &Asked, provider: &ProviderName) -> anyhow::Result<Turn> {
    Ok(asked.turn(provider).await?)
}

/// Tells the one who asked.
pub(crate) fn tell(asked: &Asked, told: &Told) {
    match serde_json::to_string(told) {
        Ok(line) => asked.tell(&line),
        Err(error) => asked.refuse(&format!("something cannot be told: {error}")),
    }
}
