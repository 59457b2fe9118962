//! What an admin writes, with and without mistakes.

use proptest::prelude::*;
use scimwright_profile::{
    Budget, MemberRemoval, PageSize, Profile, ProfileName, ProviderQuirks, Quirk, ResourceQuirks, Setting,
    Source, Verification,
};
use scimwright_scim::{AttributePath, Comparison};

fn parse(text: &str) -> Profile {
    Profile::parse("acme.toml", text).map_err(|error| error.to_string()).unwrap()
}

fn quirk(rest: &str) -> String {
    format!("[[quirk]]\nsource = \"observed: acme 2.1\"\n{rest}\n")
}

fn acme(quirks: &[&str]) -> Profile {
    let quirks: String = quirks.iter().map(|rest| quirk(rest)).collect();
    parse(&format!("name = \"acme\"\n{quirks}"))
}

#[test]
fn every_kind_of_value_is_read() {
    let profile = acme(&[
        "set = \"content-type\"\nvalue = \"application/json\"",
        "set = \"patch\"\nvalue = false",
        "set = \"filter-operators\"\nvalue = [\"eq\", \"co\"]",
        "set = \"page-size\"\nvalue = 0x32",
        "set = \"reads\"\nvalue = \"10/s\"",
        "set = \"verification\"\nresource_type = \"Group\"\nvalue = 20",
        "set = \"members-on-create\"\nvalue = 0",
        "set = \"patchable\"\nvalue = [\"urn:acme:2.0:X:a.b\"]",
        "set = \"member-type\"\nvalue = \"user\"",
    ]);
    let provider = profile.provider_quirks();
    assert_eq!(provider.patch, Some(false));
    assert_eq!(provider.filter_operators, Some(vec![Comparison::Equal, Comparison::Contains]));
    assert_eq!(provider.page_size, PageSize::At(50.try_into().unwrap()));
    assert_eq!(provider.reads, Some("10/s".parse::<Budget>().unwrap()));
    let group = profile.resource_quirks("Group");
    assert_eq!(group.verification, Verification::Sampled(20.try_into().unwrap()));
    assert_eq!(group.members_on_create, Some(0));
    assert_eq!(group.member_type.as_deref(), Some("user"));
    assert_eq!(group.patchable, Some(vec![AttributePath::parse("urn:acme:2.0:X:a.b").unwrap()]));
    assert_eq!(profile.resource_quirks("User").verification, Verification::Never);
    assert_eq!(profile.title(), "acme");
}

#[test]
fn a_later_quirk_wins_and_one_of_a_type_wins_over_one_of_all() {
    let profile = acme(&[
        "set = \"member-additions\"\nresource_type = \"group\"\nvalue = 3",
        "set = \"member-additions\"\nresource_type = \"GROUP\"\nvalue = 7",
        "set = \"member-removals\"\nvalue = 1",
        "set = \"member-removals\"\nvalue = 2",
        "set = \"member-removals\"\nresource_type = \"Group\"\nvalue = 5",
    ]);
    let group = profile.resource_quirks("Group");
    assert_eq!((group.member_additions.get(), group.member_removals.get()), (7, 5));
    assert_eq!(profile.resource_quirks("Team").member_removals.get(), 2);
    assert_eq!(profile.quirks().len(), 3);
}

#[test]
fn the_word_default_takes_back_what_the_base_says() {
    let text = "name = \"mine\"\nbase = \"aws-iam-identity-center\"\n".to_owned()
        + &quirk("set = \"paging\"\nvalue = \"default\"")
        + &quirk("set = \"patchable\"\nvalue = \"default\"")
        + &quirk("set = \"members-readable\"\nvalue = true");
    let profile = parse(&text);
    assert_eq!(profile.provider_quirks().paging, ProviderQuirks::default().paging);
    let group = profile.resource_quirks("Group");
    assert_eq!((group.patchable, group.members_readable), (None, true));
    assert_eq!(group.member_additions.get(), 100);
    assert_eq!(parse(&profile.to_toml()), profile);
}

#[test]
fn merging_keeps_what_the_upper_profile_does_not_mention() {
    let base = Profile::builtin("authentik").unwrap();
    let upper = acme(&["set = \"verification\"\nvalue = \"never\"", "set = \"etag\"\nvalue = false"]);
    let merged = base.merged(&upper);
    assert_eq!(merged.name(), "acme");
    let group = merged.resource_quirks("Group");
    // What is said of every type replaces what the base says of one.
    assert_eq!(group.verification, Verification::Never);
    assert_eq!(group.member_removal, MemberRemoval::Value);
    assert_eq!(merged.provider_quirks().etag, Some(false));
    let shown: Vec<String> = merged.quirks().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "member-removal = \"value\" for Group (goauthentik/authentik#25686)",
            "verification = \"never\" (observed: acme 2.1)",
            "etag = false (observed: acme 2.1)",
        ]
    );
}

#[test]
fn all_mistakes_are_told_at_once_with_their_place_and_the_nearest_name() {
    let text = r#"name = "Acme Corp"
titel = "Acme"
base = "aws-iam-identity-centre"

[[quirk]]
set = "member-remvals"
value = 3
source = "observed: acme 2.1"

[[quirk]]
set = "member-removals"
resource-type = "Group"
value = 0
source = "somebody said so"

[[quirk]]
set = "content-type"
resource_type = "User"
value = "aplication/json"

[[quirk]]
set = "filter-operators"
value = ["eq", "eqq", 3]
source = "a/b#1"

[[quirk]]
set = "patchable"
value = ["a.b.c"]
source = "a/b#1"

[[quirk]]
value = true
source = "a/b#1"

[[quirk]]
set = "verification"
resource_type = " "
value = "allways"
source = 7

[[quirk]]
set = "quux"
source = "a/b#1"
"#;
    let error = Profile::parse("conf/acme.toml", text).unwrap_err();
    insta::assert_snapshot!(error.to_string());
    for mistake in &error.mistakes {
        let line = text.lines().nth(mistake.line - 1).unwrap();
        let before: String = line.chars().take(mistake.column - 1).collect();
        let start: usize = text.lines().take(mistake.line - 1).map(|line| line.len() + 1).sum();
        assert_eq!(start + before.len(), mistake.span.start);
    }
}

#[test]
fn what_is_not_toml_or_lacks_a_name_is_told_too() {
    for (text, place) in [("name = \n", "acme.toml:1:"), ("", "acme.toml:1:1: `name` is missing")] {
        let error = Profile::parse("acme.toml", text).unwrap_err().to_string();
        assert!(error.starts_with(place), "{error}");
    }
    let error = Profile::parse("acme.toml", "name = \"a\"\nquirk = 3").unwrap_err().to_string();
    assert_eq!(
        error,
        "acme.toml:2:9: `quirk` has to be a list of tables; write [[quirk]], with two brackets"
    );
}

#[test]
fn a_draft_says_what_was_observed_and_nothing_else() {
    let provider = ProviderQuirks { filter: Some(false), ..ProviderQuirks::default() };
    let group = ResourceQuirks { members_readable: false, ..ResourceQuirks::default() };
    let draft = Profile::new("acme".parse().unwrap(), "Acme", "Drafted from what it declares.").drafted(
        &provider,
        [("Group", &group), ("User", &ResourceQuirks::default())],
        &Source::observed("acme", "2026-11-22"),
    );
    insta::assert_snapshot!(draft.to_toml());
    assert_eq!(parse(&draft.to_toml()), draft);
    assert_eq!((draft.provider_quirks(), draft.resource_quirks("group")), (provider, group));
}

fn settings() -> impl Strategy<Value = Setting> {
    // Every setting that the built-in profiles and the defaults know, and some more values.
    let mut known: Vec<Setting> =
        Profile::builtins().iter().flat_map(Profile::quirks).map(|quirk| quirk.setting.clone()).collect();
    let own = acme(&[
        "set = \"empty-result\"\nvalue = \"not-found\"",
        "set = \"sort\"\nvalue = true",
        "set = \"query-by\"\nvalue = \"search\"",
        "set = \"member-removal\"\nvalue = \"put\"",
        "set = \"verification\"\nresource_type = \"Ünit\"\nvalue = 3",
        "set = \"required\"\nvalue = []",
        "set = \"patchable\"\nvalue = \"default\"",
    ]);
    known.extend(own.own_quirks().iter().map(|quirk| quirk.setting.clone()));
    prop::sample::select(known)
}

proptest! {
    #[test]
    fn a_printed_profile_is_read_again(
        name in "[a-z][a-z0-9-]{0,12}",
        title in "\\PC{0,20}",
        description in any::<String>(),
        base in prop::option::of(prop::sample::select(Profile::builtins().iter().collect::<Vec<_>>())),
        quirks in prop::collection::vec((settings(), prop::option::of(any::<String>())), 0..6),
    ) {
        let name: ProfileName = name.parse().unwrap();
        let mut profile = Profile::new(name, title, description);
        if let Some(base) = base {
            profile = profile.based_on(base);
        }
        for (setting, note) in quirks {
            let quirk = Quirk::new(setting, "observed: acme 2.1".parse().unwrap());
            profile = profile.with_quirk(match note {
                Some(note) => quirk.with_note(note),
                None => quirk,
            });
        }
        let printed = profile.to_toml();
        let read = Profile::parse("acme.toml", &printed).map_err(|error| format!("{error}\n{printed}"));
        prop_assert_eq!(read.unwrap(), profile);
    }

    #[test]
    fn no_text_makes_reading_panic(
        cut in 0..400_usize,
        insert in "[\\[\\]{}=\"'a-z0-9%.,\n# é]{0,12}",
        drop in 0..40_usize,
    ) {
        let text = Profile::builtin("sentry").unwrap().to_toml();
        let start: String = text.chars().take(cut).collect();
        let end: String = text.chars().skip(cut + drop).collect();
        if let Err(error) = Profile::parse("x.toml", &format!("{start}{insert}{end}")) {
            prop_assert!(!error.mistakes.is_empty());
            prop_assert!(error.to_string().starts_with("x.toml:"));
        }
    }
}
