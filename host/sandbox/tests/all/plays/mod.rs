//! Providers that depart from the RFCs, played by the sandbox: each quirk has the behaviour it tells of, and a
//! client that overlooks it fails.

mod builtins;
mod door;
mod members;
mod patching;
mod querying;
mod resources;

use crate::support::Asked;
use scimwright_profile::{ProviderQuirks, ResourceQuirks};
use scimwright_sandbox::{Manners, Plays, SandboxOptions};
use scimwright_scim::AttributePath;

fn play(plays: Plays) -> Asked {
    Asked::new(&SandboxOptions { plays: Some(plays), ..SandboxOptions::default() })
}

fn provider(provider: ProviderQuirks) -> Asked {
    play(Plays { provider, ..Plays::default() })
}

fn users(user: ResourceQuirks) -> Asked {
    play(Plays { user, ..Plays::default() })
}

fn groups(group: ResourceQuirks, manners: Manners) -> Asked {
    play(Plays { group, manners, ..Plays::default() })
}

fn path(text: &str) -> AttributePath {
    AttributePath::parse(text).unwrap()
}
