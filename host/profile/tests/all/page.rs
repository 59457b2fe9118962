//! `docs/profiles.md` names everything that there is.

use scimwright_profile::{Profile, ProviderSetting, ResourceSetting, Setting};
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../../docs/profiles.md");

#[test]
fn the_page_names_every_quirk_with_the_words_it_can_be_set_to() {
    for key in Setting::keys() {
        let start = format!("| `{key}` |");
        let row = PAGE.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("docs/profiles.md has no row for `{key}`"));
        let allowed = ProviderSetting::allowed(key).or_else(|| ResourceSetting::allowed(key)).unwrap();
        // What follows "as" is an example.
        let words = allowed.split(", as \"").next().unwrap();
        for word in words.split('"').skip(1).step_by(2) {
            assert!(row.contains(&format!("`{word}`")), "the row of `{key}` lacks `{word}`");
        }
    }
}

#[test]
fn the_page_names_every_built_in_profile_with_its_quirks() {
    for profile in Profile::builtins() {
        let start = format!("| `{}` | {} |", profile.name(), profile.title());
        let row = PAGE.lines().find_map(|line| line.strip_prefix(&start));
        let row = row.unwrap_or_else(|| panic!("docs/profiles.md lacks: {start}"));
        let told: BTreeSet<&str> = row.trim_matches([' ', '|']).split(", ").collect();
        let quirks: BTreeSet<&str> = profile.quirks().iter().map(|quirk| quirk.setting.key()).collect();
        assert!(told == quirks || quirks.is_empty(), "{}: {told:?}", profile.name());
    }
}

#[test]
fn the_examples_of_the_page_are_profiles() {
    let mut found = 0;
    for block in PAGE.split("```toml\n").skip(1) {
        let text = block.split("```").next().unwrap();
        Profile::parse("docs/profiles.md", text).map_err(|error| error.to_string()).unwrap();
        found += 1;
    }
    assert!(found > 0);
}
