//! `mapping inspect`: what a module is, needs and writes.

use super::{Misconfigured, one_tenant};
use crate::args::{Common, MappingCommand, Output};
use crate::assemble;
use crate::exit::Exit;
use crate::terminal::out;
use scimwright_mapping::{HostOptions, Inspection, Limits, MappingHost, ModuleId};
use scimwright_record::{ModuleName, TenantName};
use std::path::Path;

pub(super) fn run(common: &Common, command: &MappingCommand) -> anyhow::Result<Exit> {
    match command {
        MappingCommand::Inspect { module } => inspect(common, module),
    }
}

fn inspect(common: &Common, wanted: &str) -> anyhow::Result<Exit> {
    let path = Path::new(wanted);
    let inspection = if path.is_file() { inspect_file(path)? } else { inspect_configured(common, wanted)? };
    match common.output {
        Output::Json => out(&serde_json::to_string(&inspection)?),
        Output::Human => out(&page(&inspection)),
    }
    Ok(Exit::Success)
}

/// Any file, wherever it lies.
fn inspect_file(path: &Path) -> anyhow::Result<Inspection> {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().replace('_', "-")).unwrap_or_default();
    let name = ModuleName::parse(&stem).or_else(|_| ModuleName::parse("module"))?;
    let id = ModuleId { tenant: TenantName::default(), name };
    let host = MappingHost::new(HostOptions::default())?;
    Ok(host.inspect(id, path, Limits::default())?)
}

/// A module of the configuration, under its own limits.
fn inspect_configured(common: &Common, wanted: &str) -> anyhow::Result<Inspection> {
    let Ok(name) = ModuleName::parse(wanted) else {
        return Err(Misconfigured(format!("there is no file {wanted}")).into());
    };
    let tenant = one_tenant(common)?;
    let Some(config) = tenant.module(&name) else {
        // Dropped into the folder, and not configured yet.
        let path = assemble::module_path(&tenant, &name);
        if path.is_file() {
            return inspect_file(&path);
        }
        let known: Vec<_> = tenant.modules.iter().map(|module| module.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(
            Misconfigured(format!("there is no file and no module `{name}`; modules are: {known}")).into()
        );
    };
    let host = assemble::mapping_host(&tenant)?;
    let id = ModuleId { tenant: tenant.name.clone(), name };
    Ok(host.inspect(id, &assemble::module_path(&tenant, &config.name), config.limits)?)
}

fn page(module: &Inspection) -> String {
    let list = |items: &[String]| if items.is_empty() { "-".to_owned() } else { items.join(", ") };
    let mut lines = vec![
        format!("{} {}", module.name, module.version),
        format!("  {}", module.description),
        String::new(),
        format!("  digest    sha256:{}", module.digest),
        format!("  contract  {}", module.contract),
        format!(
            "  size      {} KiB, compiled {} KiB",
            module.file_bytes / 1024,
            module.compiled_bytes / 1024
        ),
        format!(
            "  loaded    in {} ms{}",
            module.compile_time.as_millis(),
            if module.from_cache { ", from the cache" } else { "" }
        ),
        format!("  language  {}", list(&module.languages().map(str::to_owned).collect::<Vec<_>>())),
        format!("  imports   {}", list(&module.imports)),
        format!("  exports   {}", list(&module.exports)),
        format!("  reads     {}", list(&module.reads)),
        format!("  writes    {}", list(&module.writes)),
        format!("  lookups   {}", list(&module.lookups)),
        format!("  limits    {}", limits(&module.limits)),
    ];
    for setting in &module.settings {
        let default = match (&setting.default, setting.required) {
            (Some(default), _) => format!(", `{default}` by default"),
            (None, true) => ", required".to_owned(),
            (None, false) => String::new(),
        };
        lines.push(format!("  setting   {}: {}{default}", setting.name, setting.description));
    }
    lines.extend(module.warnings.iter().map(|warning| format!("  warning   {warning}")));
    lines.join("\n")
}

fn limits(limits: &Limits) -> String {
    format!(
        "CPU {} ms, time {} ms, memory {} MiB, output {} KiB",
        limits.cpu.as_millis(),
        limits.wall.as_millis(),
        limits.memory_bytes >> 20,
        limits.output_bytes >> 10
    )
}
