//! `mapping inspect`: what a module is, needs and writes.

use super::{Misconfigured, one_tenant};
use crate::args::{Common, MappingCommand, Output};
use crate::assemble;
use crate::exit::Exit;
use crate::terminal::out;
use scimwright_mapping::{Grants, Inspection, Limits, MappingHost, MappingModule, ModuleId};
use scimwright_record::{ModuleName, TenantName};
use std::path::Path;

pub(super) fn run(common: &Common, command: &MappingCommand) -> anyhow::Result<Exit> {
    match command {
        MappingCommand::Inspect { module } => inspect(common, module),
    }
}

fn inspect(common: &Common, wanted: &str) -> anyhow::Result<Exit> {
    let inspection = load(common, wanted)?.inspection().clone();
    match common.output {
        Output::Json => out(&serde_json::to_string(&inspection)?),
        Output::Human => out(&page(&inspection)),
    }
    Ok(Exit::Success)
}

/// A module of the configuration, by name; or any file, by path.
fn load(common: &Common, wanted: &str) -> anyhow::Result<MappingModule> {
    let path = Path::new(wanted);
    if path.is_file() {
        return Ok(load_file(path)?);
    }
    let Ok(name) = ModuleName::parse(wanted) else {
        return Err(Misconfigured(format!("there is no file {wanted}")).into());
    };
    let tenant = one_tenant(common)?;
    let host = assemble::mapping_host(&tenant)?;
    let Some(config) = tenant.module(&name) else {
        let known: Vec<_> = tenant.modules.iter().map(|module| module.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(
            Misconfigured(format!("there is no file and no module `{name}`; modules are: {known}")).into()
        );
    };
    Ok(assemble::module(&host, &tenant, config)?)
}

/// A file is looked at generously: with what its manifest asks for, since nothing is run but `describe`.
fn load_file(path: &Path) -> anyhow::Result<MappingModule> {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().replace('_', "-")).unwrap_or_default();
    let name = ModuleName::parse(&stem).or_else(|_| ModuleName::parse("module"))?;
    let id = ModuleId { tenant: TenantName::default(), name };
    let host = MappingHost::new(scimwright_mapping::HostOptions::default())?;
    let grants = Grants { all_fields: true, ..Grants::default() };
    Ok(host.load(id, path, Limits::default(), Vec::new(), grants)?)
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
