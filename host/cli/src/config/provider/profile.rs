//! `profile`: how the provider departs from the RFCs, by the name of a built-in profile or of a file.

use crate::config::Misconfigured;
use crate::config::problem::{Problem, Problems, SourceText};
use crate::config::reader::{TableReader, nearest};
use scimwright_profile::{InvalidProfile, Mistake, Profile};
use std::path::{Path, PathBuf};

/// The folder of the administrator's own profiles, below the configuration folder.
const FOLDER: &str = "profiles";

/// A profile that a name leads to.
enum Named {
    /// It.
    Found(Profile),
    /// Its file, whose text has mistakes.
    Broken(SourceText, InvalidProfile),
    /// Its file, which cannot be read.
    Unreadable(PathBuf, std::io::Error),
    /// Its file has the name of a built-in profile, so that it is unclear which of the two is meant.
    Twofold(PathBuf),
    /// Nothing. The names that would lead somewhere.
    Unknown(Vec<String>),
}

/// The profile of this name, for whoever is not reading a configuration.
///
/// # Errors
/// [`Problems`] where its file has mistakes, and [`Misconfigured`] where there is none.
pub(crate) fn named(name: &str, folder: &Path) -> anyhow::Result<Profile> {
    Err(match find(name, folder) {
        Named::Found(profile) => return Ok(profile),
        Named::Broken(source, invalid) => Problems(problems(&source, invalid)).into(),
        Named::Unreadable(file, error) => {
            Misconfigured(format!("the profile {} cannot be read: {error}", file.display())).into()
        }
        Named::Twofold(file) => {
            let (message, help) = twofold(name, &file);
            Misconfigured(format!("{message}; {help}")).into()
        }
        Named::Unknown(known) => {
            Misconfigured(format!("there is no profile `{name}`; {}", suggestion(name, &known))).into()
        }
    })
}

/// The mistakes of a profile's file as those of a configuration are shown.
fn problems(source: &SourceText, invalid: InvalidProfile) -> Vec<Problem> {
    let problem = |mistake: Mistake| {
        let problem = Problem::at(source, mistake.span, mistake.message);
        match mistake.help {
            Some(help) => problem.help(help),
            None => problem,
        }
    };
    invalid.mistakes.into_iter().map(problem).collect()
}

/// Looks for a profile: a file `profiles/NAME.toml` in the configuration folder, or a built-in one.
fn find(name: &str, folder: &Path) -> Named {
    let file = folder.join(FOLDER).join(format!("{name}.toml"));
    let builtin = Profile::builtin(name);
    // A name with a slash in it would lead out of the folder.
    let is_plain = !name.is_empty() && !name.contains(['/', '\\']) && name != "..";
    if is_plain && file.is_file() {
        if builtin.is_some() {
            return Named::Twofold(file);
        }
        return match std::fs::read_to_string(&file) {
            Ok(text) => match Profile::parse(&file.display().to_string(), &text) {
                Ok(profile) => Named::Found(profile),
                Err(invalid) => Named::Broken(SourceText { file, text: text.into() }, invalid),
            },
            Err(error) => Named::Unreadable(file, error),
        };
    }
    builtin.map_or_else(|| Named::Unknown(names(folder)), |found| Named::Found(found.clone()))
}

/// The names of all profiles there are: the administrator's own, then the built-in ones.
fn names(folder: &Path) -> Vec<String> {
    let listing = std::fs::read_dir(folder.join(FOLDER)).into_iter().flatten().flatten();
    let files =
        listing.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "toml"));
    let mut own: Vec<String> =
        files.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    own.sort();
    own.extend(Profile::builtins().iter().map(|profile| profile.name().to_owned()));
    own
}

/// What to write instead of a name that leads nowhere.
fn suggestion(name: &str, known: &[String]) -> String {
    let list = known.join(", ");
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? There are: {list}"),
        None => format!("put it into {FOLDER}/{name}.toml, or take one of: {list}"),
    }
}

/// The problem of a file that hides a built-in profile.
fn twofold(name: &str, file: &Path) -> (String, String) {
    (
        format!("`{name}` is a built-in profile, and {} has the same name", file.display()),
        format!("rename the file; with base = \"{name}\" in it, everything built in holds too"),
    )
}

/// Reads `profile`. Mistakes in the profile's own file are shown where they stand there.
pub(super) fn read(table: &TableReader<'_>, folder: &Path) -> Profile {
    let Some(name) = table.text("profile") else { return Profile::default() };
    match find(&name.value, folder) {
        Named::Found(profile) => return profile,
        Named::Broken(source, invalid) => {
            problems(&source, invalid).into_iter().for_each(|problem| table.file().note_elsewhere(problem));
        }
        Named::Unreadable(file, error) => {
            let place = SourceText { file, text: "".into() };
            let message = format!("the profile cannot be read: {error}");
            table.file().note_elsewhere(Problem::of_file(&place, message));
        }
        Named::Twofold(file) => {
            let (message, help) = twofold(&name.value, &file);
            table.file().note_with_help(name.span, message, help);
        }
        Named::Unknown(known) => {
            let help = suggestion(&name.value, &known);
            table.file().note_with_help(name.span, format!("there is no profile `{}`", name.value), help);
        }
    }
    Profile::default()
}
