//! What somebody most likely meant who wrote something else in a filter.
//!
//! People bring their words from SQL, OData and programming; those are known by name. The rest is a matter of
//! letters: a word is suggested where few of them are wrong.

use super::Comparison;
use crate::path::AttributePath;
use crate::schema_set::SchemaSet;

/// The words of other languages, and SCIM's for the same.
const FOREIGN: &[(&str, &str)] = &[
    ("=", "eq"),
    ("==", "eq"),
    ("===", "eq"),
    ("is", "eq"),
    ("equal", "eq"),
    ("equals", "eq"),
    ("!=", "ne"),
    ("<>", "ne"),
    ("neq", "ne"),
    ("notequals", "ne"),
    ("contains", "co"),
    ("like", "co"),
    ("has", "co"),
    ("startswith", "sw"),
    ("beginswith", "sw"),
    ("starts", "sw"),
    ("endswith", "ew"),
    ("ends", "ew"),
    (">", "gt"),
    ("greater", "gt"),
    ("greaterthan", "gt"),
    (">=", "ge"),
    ("gte", "ge"),
    ("<", "lt"),
    ("less", "lt"),
    ("lessthan", "lt"),
    ("<=", "le"),
    ("lte", "le"),
    ("present", "pr"),
    ("exists", "pr"),
];

/// The operator that the word stands for.
pub(super) fn operator(word: &str) -> Option<String> {
    let plain = word.to_ascii_lowercase().replace(['_', '-'], "");
    let foreign = FOREIGN.iter().find(|(foreign, _)| *foreign == plain).map(|(_, ours)| (*ours).to_owned());
    // Of two letters both may be wrong, so only a letter too many says anything: `eqq`, `prr`.
    let ours = || Comparison::WORDS.into_iter().map(|(text, _)| text).chain(["pr"]);
    foreign.or_else(|| {
        let longer = plain.len() == 3;
        nearest(&plain, ours().filter(|_| longer).map(|text| (text, text.to_owned())), 1)
    })
}

/// `and` or `or`, where the word stands for one.
pub(super) fn joiner(word: &str) -> Option<String> {
    match word {
        "&&" | "&" | "," | ";" => Some("and".into()),
        "||" | "|" => Some("or".into()),
        _ => None,
    }
}

/// The value in the quotes that it needs.
pub(super) fn value(word: &str) -> Option<String> {
    let bare = word.strip_prefix('\'').map_or(word, |rest| rest.strip_suffix('\'').unwrap_or(rest));
    let is_plain = |c: char| !c.is_control() && !matches!(c, '"' | '\\' | '\'');
    let short = !bare.is_empty() && bare.chars().count() <= 40;
    (short && bare.chars().all(is_plain)).then(|| format!("\"{bare}\""))
}

/// The declared path that is nearest to one that is not declared.
pub(super) fn attribute(path: &AttributePath, schemas: &SchemaSet) -> Option<AttributePath> {
    if let (Some(sub), Some(attribute)) = (&path.sub, schemas.find_attribute(path)) {
        let parts = attribute.sub_attributes.iter().map(|part| (part.name.as_str(), &part.name));
        let canonical = schemas.canonical(path);
        return nearest(sub.as_str(), parts, allowed(sub.as_str()))
            .map(|part| canonical.with_sub(part.clone()));
    }
    let name = path.attribute.as_str();
    let declared: Vec<_> = schemas.attributes().map(|(path, _)| path).collect();
    let candidates = declared.iter().map(|path| (path.attribute.as_str(), path));
    let near = nearest(name, candidates, allowed(name))?;
    // The same part of it, where it has that part.
    let whole = match &path.sub {
        Some(sub) => near.with_sub(sub.clone()),
        None => near.clone(),
    };
    schemas.find(&whole).is_some().then(|| schemas.canonical(&whole))
}

/// How many letters of a name may be wrong: one in three.
fn allowed(name: &str) -> usize {
    (name.chars().count() / 3).max(1)
}

/// The candidate that differs in the fewest letters; none where two are equally near.
fn nearest<'c, T>(word: &str, candidates: impl Iterator<Item = (&'c str, T)>, most: usize) -> Option<T> {
    let word = word.to_ascii_lowercase();
    let mut best: Option<(usize, T)> = None;
    let mut tied = false;
    for (text, candidate) in candidates {
        let distance = strsim::damerau_levenshtein(&word, &text.to_ascii_lowercase());
        match &best {
            _ if distance > most => {}
            Some((known, _)) if distance > *known => {}
            Some((known, _)) if distance == *known => tied = true,
            _ => {
                tied = false;
                best = Some((distance, candidate));
            }
        }
    }
    best.filter(|_| !tied).map(|(_, candidate)| candidate)
}
