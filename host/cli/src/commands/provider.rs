//! `provider discover` and `provider probe`: what a provider says, and what it does.

use super::sandbox::interrupted;
use super::{one_tenant, provider_config};
use crate::args::{Common, DiscoverArgs, Output, ProbeArgs, ProviderCommand};
use crate::assemble;
use crate::config::Misconfigured;
use crate::config::model::ProviderConfig;
use crate::exit::Exit;
use crate::probe::Probe;
use crate::probe::scratch::Swept;
use crate::report::{discovery, probing};
use crate::terminal::{err, out};
use anyhow::Context;
use scimwright_profile::{Deletion, Profile, ProfileName, Source};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

pub(super) async fn run(common: &Common, command: &ProviderCommand) -> anyhow::Result<Exit> {
    match command {
        ProviderCommand::Discover(args) => discover(common, args).await,
        ProviderCommand::Probe(args) => probe(common, args).await,
    }
}

async fn discover(common: &Common, args: &DiscoverArgs) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    let config = provider_config(&tenant, &args.provider)?;
    let provider = assemble::provider(config).await?;
    let found = assemble::discover(&provider).await?;
    let draft = empty_draft(config.name.as_str(), provider.profile())?.drafted(
        &discovery::departures(&config.base_url, &found),
        [],
        &today(config.name.as_str()),
    );
    match common.output {
        Output::Human => {
            out(&discovery::table(&provider, config.base_url.as_str(), &found));
            if !draft.own_quirks().is_empty() {
                offer(args, &draft);
            }
        }
        Output::Json => {
            out(&discovery::line(&provider, config.base_url.as_str(), &found, &draft).to_string());
        }
    }
    if let Some(file) = &args.draft {
        write_draft(file, &draft)?;
    }
    Ok(Exit::Success)
}

async fn probe(common: &Common, args: &ProbeArgs) -> anyhow::Result<Exit> {
    let tenant = one_tenant(common)?;
    let config = provider_config(&tenant, &args.discover.provider)?;
    let provider = assemble::provider(config).await?;
    let found = assemble::discover(&provider).await?;
    let probe = Probe::new(assemble::settings(config).await?, provider.profile(), (*found).clone())?;
    if !args.yes && !agreed(config, probe.scratch.stem())? {
        return Ok(Exit::Usage);
    }
    let outcome = tokio::select! {
        outcome = probe.try_out() => outcome,
        interrupted = interrupted() => {
            err("note: interrupted; what was made is deleted");
            Err(interrupted.err().map_or_else(|| anyhow::anyhow!("interrupted"), Into::into))
        }
    };
    // Whatever happened: nothing is to be left.
    let swept = tokio::select! {
        swept = probe.sweep() => swept,
        _ = interrupted() => Swept {
            left: vec![format!("perhaps some whose names begin with {}", probe.scratch.stem())],
            ..Swept::default()
        },
    };
    swept.left.iter().for_each(|left| err(&format!("left behind: {left}")));
    outcome?;
    let mut observed = probe.observed();
    observed.provider.service_provider_config =
        discovery::departures(&config.base_url, &found).service_provider_config;
    if observed.user.deletion == Deletion::Tombstone {
        let stem = probe.scratch.stem();
        err(&format!(
            "note: it keeps what is deleted: users whose names begin with {stem} stay there, inactive"
        ));
    }
    let name = config.name.as_str();
    let draft = observed.draft(bare_draft(name)?, &today(name));
    match common.output {
        Output::Human => {
            out(&probing::table(&observed));
            offer(&args.discover, &draft);
        }
        Output::Json => out(&probing::line(name, &observed, &draft, &swept).to_string()),
    }
    if let Some(file) = &args.discover.draft {
        write_draft(file, &draft)?;
    }
    Ok(if swept.left.is_empty() { Exit::Success } else { Exit::RecordsFailed })
}

/// Asks whether resources may be made. Where nobody can answer, nobody has agreed.
fn agreed(config: &ProviderConfig, stem: &str) -> anyhow::Result<bool> {
    let keeps = config.profile.resource_quirks("User").deletion == Deletion::Tombstone;
    let end = if keeps { "deletes them again, of which inactive users remain" } else { "deletes them again" };
    let what = format!(
        "This creates three or four users and a group at `{}` ({}), changes them, and {end}. Nothing else there is \
         touched. Their names begin with {stem}.",
        config.name, config.base_url
    );
    super::ask::agreed(&what)
}

/// Shows a draft, unless it is written to a file.
fn offer(args: &DiscoverArgs, draft: &Profile) {
    if draft.own_quirks().is_empty() {
        out("\nNo quirk of a profile follows from it.");
    } else if args.draft.is_none() {
        out(&format!("\na draft of a profile; `--draft profiles/{}.toml` writes it\n", draft.name()));
        out(draft.to_toml().trim_end());
    }
}

/// Writes a draft into a file that is not there yet: what is there is somebody's work.
fn write_draft(file: &Path, draft: &Profile) -> anyhow::Result<()> {
    let written = OpenOptions::new().write(true).create_new(true).open(file);
    let mut written = match written {
        Ok(written) => written,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let message = format!("{} is there already; the draft was not written", file.display());
            return Err(Misconfigured(message).into());
        }
        Err(error) => return Err(error).with_context(|| format!("{} cannot be written", file.display())),
    };
    written
        .write_all(draft.to_toml().as_bytes())
        .with_context(|| format!("{} cannot be written", file.display()))?;
    err(&format!("Wrote {}.", file.display()));
    Ok(())
}

/// A draft without quirks yet.
fn bare_draft(provider: &str) -> anyhow::Result<Profile> {
    let name = draft_name(provider).parse::<ProfileName>()?;
    Ok(Profile::new(name, provider, "Drafted from what the provider says and does."))
}

/// The same, based on the built-in profile that is followed.
fn empty_draft(provider: &str, followed: &Profile) -> anyhow::Result<Profile> {
    let draft = bare_draft(provider)?;
    let base = Profile::builtin(followed.name()).or(followed.base());
    Ok(match base.filter(|base| !base.quirks().is_empty()) {
        Some(base) => draft.based_on(base),
        None => draft,
    })
}

/// The provider's name as the name of a profile, which is not to hide a built-in one.
fn draft_name(provider: &str) -> String {
    let plain: String = provider
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .collect();
    let begins_well = plain.starts_with(|c: char| c.is_ascii_lowercase());
    match begins_well && Profile::builtin(&plain).is_none() {
        true => plain,
        false => format!("my-{plain}"),
    }
}

/// Seen today.
fn today(provider: &str) -> Source {
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    Source::observed(provider, &date)
}
