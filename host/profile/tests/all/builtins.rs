//! The built-in profiles: all there, all sourced, and saying what they are known to say.

use scimwright_profile::{
    ContentType, Deletion, Disabling, MemberRemoval, OperationNames, PageSize, Paging, Profile,
    ProviderQuirks, ResourceQuirks, Source, Update, Verification,
};
use scimwright_scim::{AttributePath, Comparison};
use std::collections::BTreeSet;

fn builtin(name: &str) -> &'static Profile {
    Profile::builtin(name).unwrap_or_else(|| panic!("no {name}"))
}

fn paths(texts: &[&str]) -> Vec<AttributePath> {
    texts.iter().map(|text| AttributePath::parse(text).unwrap()).collect()
}

#[test]
fn every_file_in_the_folder_is_built_in_and_none_is_lost() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let profile = Profile::parse(&file, &text).map_err(|error| error.to_string()).unwrap();
        assert_eq!(format!("{}.toml", profile.name()), file);
        assert!(!profile.title().is_empty() && profile.description().ends_with('.'), "{file}");
        assert_eq!(profile.base(), None, "{file}: a built-in profile stands alone");
        assert_eq!(Some(&profile), Profile::builtin(profile.name()), "{file}");
        names.insert(profile.name().to_owned());
    }
    let builtins: Vec<&str> = Profile::builtins().iter().map(Profile::name).collect();
    assert_eq!(builtins, names.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(builtins.len() >= 17, "{builtins:?}");
}

#[test]
fn each_quirk_of_a_builtin_counts_and_what_is_observed_names_a_version() {
    for profile in Profile::builtins() {
        assert_eq!(profile.quirks().len(), profile.own_quirks().len(), "{}", profile.name());
        for quirk in profile.quirks() {
            match &quirk.source {
                Source::Page(url) => assert_eq!(url.scheme(), "https", "{quirk}"),
                Source::Issue { .. } => assert!(quirk.source.address().is_some(), "{quirk}"),
                Source::Observed { version, .. } => {
                    assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{quirk}");
                }
            }
        }
    }
}

#[test]
fn the_rfcs_have_no_quirks() {
    let rfc = builtin("rfc");
    assert_eq!(rfc.provider_quirks(), ProviderQuirks::default());
    assert_eq!(rfc.resource_quirks("User"), ResourceQuirks::default());
    assert!(rfc.quirks().is_empty());
}

/// Point 10: how members are removed is a setting of the provider.
#[test]
fn each_family_removes_members_in_the_form_it_understands() {
    for (name, removal) in [
        ("rfc", MemberRemoval::Filter),
        ("aws-iam-identity-center", MemberRemoval::Filter),
        ("entra-receiver", MemberRemoval::Value),
        ("authentik", MemberRemoval::Value),
        ("simpleidserver", MemberRemoval::Filter),
        ("keycloak", MemberRemoval::Filter),
    ] {
        assert_eq!(builtin(name).resource_quirks("Group").member_removal, removal, "{name}");
    }
    for name in ["aws-iam-identity-center", "keycloak", "entra-receiver"] {
        assert!(!builtin(name).resource_quirks("Group").members_as_a_whole, "{name}");
    }
}

#[test]
fn aws_is_described_as_its_documentation_has_it() {
    let aws = builtin("aws-iam-identity-center");
    let provider = aws.provider_quirks();
    assert_eq!(provider.filter_operators, Some(vec![Comparison::Equal]));
    assert_eq!((provider.bulk, provider.paging), (Some(false), Paging::Cursor));
    assert_eq!(provider.page_size, PageSize::At(100.try_into().unwrap()));

    let group = aws.resource_quirks("Group");
    assert_eq!((group.member_additions.get(), group.member_removals.get()), (100, 100));
    assert_eq!((group.members_on_create, group.members_readable), (Some(100), false));
    assert_eq!(group.patchable, Some(paths(&["displayName", "members", "externalId"])));
    assert_eq!(group.update, Update::Patch);

    let user = aws.resource_quirks("User");
    assert_eq!(user.required, paths(&["userName", "name.givenName", "name.familyName", "displayName"]));
    assert_eq!(user.single_valued, paths(&["emails", "addresses", "phoneNumbers"]));
    assert_eq!((user.patchable, user.members_readable), (None, true));
}

#[test]
fn the_other_families_say_what_they_are_known_for() {
    let salesforce = builtin("salesforce");
    assert_eq!(salesforce.provider_quirks().service_provider_config, "/ServiceProviderConfigs");
    assert_eq!(builtin("webex").resource_quirks("Group").member_type.as_deref(), Some("user"));
    let vcenter = builtin("vcenter");
    assert_eq!(vcenter.provider_quirks().patch, Some(false));
    let vcenter = vcenter.resource_quirks("User");
    assert_eq!((vcenter.update, vcenter.id_in_put), (Update::Put, true));
    assert_eq!(builtin("github-emu").provider_quirks().writes.unwrap().to_string(), "1000/h");
    assert_eq!(builtin("github-emu").resource_quirks("User").deletion, Deletion::Irreversible);
    let slack = builtin("slack").provider_quirks();
    assert_eq!(slack.writes.unwrap().to_string(), "600/min");
    assert_eq!(slack.filter, Some(true));
    assert_eq!(builtin("databricks").resource_quirks("Group").update, Update::Patch);
    assert_eq!(builtin("ibm-verify").resource_quirks("Group").members_on_create, Some(2500));
    let sentry = builtin("sentry");
    assert_eq!(sentry.resource_quirks("Group").update, Update::Patch);
    assert_eq!(sentry.resource_quirks("User").disabling, Disabling::Deletes);
    assert_eq!(builtin("fleet").resource_quirks("User").disabling, Disabling::Deletes);
    assert_eq!(builtin("fleet").resource_quirks("Group").disabling, Disabling::Reversible);
    assert_eq!(sentry.resource_quirks("Group").patchable, Some(paths(&["displayName", "members"])));
    assert_eq!(builtin("entra-receiver").resource_quirks("Group").members_on_create, Some(0));
    assert_eq!(builtin("entra-receiver").resource_quirks("User").operation_names, OperationNames::Capital);
    assert_eq!(builtin("canaille").provider_quirks().filter, Some(false));
    assert_eq!(builtin("scimmy").provider_quirks().etag, Some(false));
    assert_eq!(builtin("scimmy").provider_quirks().content_type, ContentType::ScimJson);
}

/// Point 12: whether a write is verified is said for each provider.
#[test]
fn providers_that_answer_200_and_do_nothing_are_verified_always() {
    assert_eq!(builtin("authentik").resource_quirks("Group").verification, Verification::Always);
    assert_eq!(builtin("rfc").resource_quirks("Group").verification, Verification::Never);
}
