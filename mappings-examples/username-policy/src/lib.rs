//! Gives people login names: by rules, free ones, and for good.
//!
//! Candidates are tried in the order of the patterns. Which names are taken stands in another source, and a name
//! that is taken by the person in question is free to them.

use scimwright_guest::prelude::*;

mapping! {
    /// Gives people login names: by rules, free ones, and for good.
    reads: ["given_name", "family_name", "language", "user_name"],
    writes: ["userName"],
    lookups: ["taken_names"],
    settings: [
        Setting::optional("patterns", "How names are built, in the order in which they are tried.")
            .default("{given}.{family}; {given:1}.{family}; {given}.{family:1}; {given}.{family}{n}"),
        Setting::optional("max_length", "How long a name may be, without the domain.").default("20"),
        Setting::optional("reserved", "Names that nobody gets.")
            .default("abuse; admin; administrator; hostmaster; info; postmaster; root; security; support; webmaster"),
        Setting::optional("domain", "What stands behind the @ of a login name; blank for names without one."),
        Setting::optional("attempts", "How many names are tried; each is a look-up.").default("20"),
    ],
    map: map,
}

/// No value leaves the attribute alone: the provider keeps the name that it has.
fn map(ctx: &Context, record: &Record) -> Result<AttributeMap, MappingError> {
    Ok(attributes! { "userName"?: user_name(ctx, record)? })
}

/// Names are for good: what the source knows stays, and so does the name of an account that is there, whatever
/// becomes of the person's own name. Only who is new gets one.
fn user_name(ctx: &Context, record: &Record) -> Result<Option<String>, MappingError> {
    if let Some(name) = record.optional_text("user_name")? {
        return Ok(Some(name.into()));
    }
    if ctx.operation() == Operation::Update {
        return Ok(None);
    }
    let candidates = candidates(ctx, record)?;
    for name in &candidates {
        if is_free(name, record)? {
            return Ok(Some(with_domain(ctx, name)));
        }
    }
    Err(match candidates.last() {
        Some(last) => MappingError::rejected(format!("every login name up to `{last}` is taken or reserved")),
        None => MappingError::record(
            "no login name can be built: that takes a name with Latin, Greek or Cyrillic letters",
        ),
    })
}

/// The names to try, without those that are reserved.
fn candidates(ctx: &Context, record: &Record) -> Result<Vec<String>, MappingError> {
    let (given, family) = (plain(record, "given_name")?, plain(record, "family_name")?);
    let patterns = functions::split_list(ctx.required_setting("patterns")?);
    let longest = whole_number(ctx, "max_length")?;
    let reserved = functions::split_list(ctx.setting("reserved").unwrap_or_default());
    let names = functions::user_name_candidates(
        &patterns,
        &[("given", &given), ("family", &family)],
        whole_number(ctx, "attempts")?,
    )?;
    let names = names.iter().map(|name| shortened(name, longest));
    Ok(functions::distinct(names).into_iter().filter(|name| !reserved.contains(&name.as_str())).collect())
}

/// A name in plain letters, as its language spells them: `Müller` is `mueller` in German and `muller` elsewhere.
fn plain(record: &Record, field: &str) -> Result<String, MappingError> {
    let name = record.optional_text(field)?.unwrap_or_default();
    let language = record.optional_text("language")?.unwrap_or_default();
    Ok(functions::to_ascii_in(&name, &language))
}

/// A name cut to its longest, its number kept: without it the next candidates would all be the same.
fn shortened(name: &str, longest: usize) -> String {
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = &name[letters.len()..];
    let kept = functions::left(letters, longest.saturating_sub(number.len()));
    format!("{}{number}", kept.trim_end_matches(['.', '-', '_']))
}

/// Free is what nobody has, and what this person has already: who comes back gets the old name.
fn is_free(name: &str, record: &Record) -> Result<bool, MappingError> {
    let Some(taken) = lookup::lookup("taken_names", name, &["owner"])? else { return Ok(true) };
    Ok(taken.optional_text("owner")?.as_deref() == Some(record.key()))
}

fn with_domain(ctx: &Context, name: &str) -> String {
    match ctx.setting("domain") {
        Some(domain) => format!("{name}@{}", functions::lower(domain)),
        None => name.to_owned(),
    }
}

fn whole_number(ctx: &Context, setting: &str) -> Result<usize, MappingError> {
    let number = ctx.integer_setting(setting)?.and_then(|number| usize::try_from(number).ok());
    number
        .filter(|number| *number > 0)
        .ok_or_else(|| MappingError::other(format!("setting `{setting}` has to be a whole number from 1")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_maps_as_expected() {
        let report =
            testing::run_mapping_cases::<Mapping>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases")).unwrap();
        assert!(report.failed.is_empty(), "{report}");
    }

    #[test]
    fn a_name_is_cut_before_its_number() {
        assert_eq!(shortened("christopher.featherstonehaugh", 20), "christopher.feathers");
        assert_eq!(shortened("christopher.featherstonehaugh12", 20), "christopher.feathe12");
        assert_eq!(shortened("wolfeschlegelstein.b", 19), "wolfeschlegelstein");
        assert_eq!(shortened("ada", 20), "ada");
    }

    #[test]
    fn a_name_that_everybody_has_ends_in_an_error_and_not_in_a_loop() {
        let ctx = testing::context::<Mapping>().with_setting("attempts", "5");
        for name in ["ada.king", "a.king", "ada.k", "ada.king2", "ada.king3"] {
            testing::provide_lookup(Record::builder("taken_names", name).text("owner", "E9").build());
        }
        let ada = Record::builder("hr", "E1").text("given_name", "Ada").text("family_name", "King").build();
        let error = Mapping::map(&ctx, &ada).unwrap_err();
        assert_eq!(error, MappingError::rejected("every login name up to `ada.king3` is taken or reserved"));
    }
}
