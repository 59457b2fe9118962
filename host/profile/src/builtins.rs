//! The profiles that come with the crate: files in `profiles/`, compiled in and read once.

use crate::profile::Profile;
use crate::read;
use std::sync::LazyLock;

/// Each file and its text, in the order of their names.
const FILES: [(&str, &str); 17] = [
    ("authentik.toml", include_str!("../profiles/authentik.toml")),
    ("aws-iam-identity-center.toml", include_str!("../profiles/aws-iam-identity-center.toml")),
    ("canaille.toml", include_str!("../profiles/canaille.toml")),
    ("databricks.toml", include_str!("../profiles/databricks.toml")),
    ("entra-receiver.toml", include_str!("../profiles/entra-receiver.toml")),
    ("fleet.toml", include_str!("../profiles/fleet.toml")),
    ("github-emu.toml", include_str!("../profiles/github-emu.toml")),
    ("ibm-verify.toml", include_str!("../profiles/ibm-verify.toml")),
    ("keycloak.toml", include_str!("../profiles/keycloak.toml")),
    ("rfc.toml", include_str!("../profiles/rfc.toml")),
    ("salesforce.toml", include_str!("../profiles/salesforce.toml")),
    ("scimmy.toml", include_str!("../profiles/scimmy.toml")),
    ("sentry.toml", include_str!("../profiles/sentry.toml")),
    ("simpleidserver.toml", include_str!("../profiles/simpleidserver.toml")),
    ("slack.toml", include_str!("../profiles/slack.toml")),
    ("vcenter.toml", include_str!("../profiles/vcenter.toml")),
    ("webex.toml", include_str!("../profiles/webex.toml")),
];

// A built-in profile has no base, since the bases are only being read here. One that could not be read would be
// left out; a test holds that none is.
static PROFILES: LazyLock<Vec<Profile>> =
    LazyLock::new(|| FILES.iter().filter_map(|(file, text)| read::profile(file, text, &[]).ok()).collect());

pub(crate) fn all() -> &'static [Profile] {
    &PROFILES
}
