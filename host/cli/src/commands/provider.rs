//! `provider discover` and `provider probe`: what a provider says, and what it does.

use super::{one_tenant, provider_config};
use crate::args::{Common, DiscoverArgs, Output, ProviderCommand};
use crate::assemble;
use crate::config::Misconfigured;
use crate::exit::Exit;
use crate::report::discovery;
use crate::terminal::{err, out};
use anyhow::Context;
use scimwright_profile::{Profile, ProfileName, Source};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

pub(super) async fn run(common: &Common, command: &ProviderCommand) -> anyhow::Result<Exit> {
    match command {
        ProviderCommand::Discover(args) => discover(common, args).await,
        ProviderCommand::Probe(args) => discover(common, &args.discover).await,
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
                offer(args, &draft)?;
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

/// Shows a draft, unless it is written to a file.
fn offer(args: &DiscoverArgs, draft: &Profile) -> anyhow::Result<()> {
    if args.draft.is_none() {
        out(&format!("\na draft of a profile; `--draft profiles/{}.toml` writes it\n", draft.name()));
        out(draft.to_toml().trim_end());
    }
    Ok(())
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

/// A draft without quirks yet, based on the built-in profile that is followed.
fn empty_draft(provider: &str, followed: &Profile) -> anyhow::Result<Profile> {
    let name = draft_name(provider).parse::<ProfileName>()?;
    let draft = Profile::new(name, provider, "Drafted from what the provider says and does.");
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
