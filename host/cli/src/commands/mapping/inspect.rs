//! `mapping inspect`: what a module is, needs and writes, and what it gets.

use super::subject::Subject;
use crate::args::{Common, ModuleArg, Output};
use crate::exit::Exit;
use crate::terminal::out;
use anyhow::Context as _;
use scimwright_mapping::case::{bundled_cases, verify_bundled};
use scimwright_mapping::{Inspection, Limits, MappingModule};
use serde_json::{Value, json};

pub(super) fn run(common: &Common, args: &ModuleArg) -> anyhow::Result<Exit> {
    let subject = Subject::find(common, args.module.as_deref())?;
    let module = subject.for_cases()?;
    let own = OwnCases::of(&subject, &module)?;
    match common.output {
        Output::Json => {
            let mut line = serde_json::to_value(module.inspection())?;
            if let Value::Object(line) = &mut line {
                line.insert("reuse".to_owned(), module.manifest().reuse.into());
                line.insert("cases".to_owned(), json!({ "count": own.count, "problem": own.problem }));
                line.insert("granted".to_owned(), granted_json(&subject));
            }
            out(&line.to_string());
        }
        Output::Human => out(&page(&subject, &module, &own)),
    }
    Ok(if own.problem.is_some() { Exit::Configuration } else { Exit::Success })
}

/// The cases that the module carries.
struct OwnCases {
    count: usize,
    /// What is wrong with them; such a module is not loaded for use.
    problem: Option<String>,
}

impl OwnCases {
    fn of(subject: &Subject, module: &MappingModule) -> anyhow::Result<Self> {
        let path = &subject.path;
        let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(match bundled_cases(&bytes) {
            Ok(cases) => {
                let problem = verify_bundled(module, &cases).err().map(|failed| failed.to_string());
                Self { count: cases.len(), problem }
            }
            Err(error) => Self { count: 0, problem: Some(error.to_string()) },
        })
    }

    fn text(&self) -> String {
        match (&self.problem, self.count) {
            (Some(problem), _) => format!("it is refused: {problem}"),
            (None, 0) => "-".to_owned(),
            (None, 1) => "1, which passes".to_owned(),
            (None, count) => format!("{count}, which all pass"),
        }
    }
}

fn granted_json(subject: &Subject) -> Value {
    match &subject.config {
        None => Value::Null,
        Some(config) => json!({
            "all_fields": config.grants.all_fields, "lookups": config.grants.lookups, "reuse": config.grants.reuse,
        }),
    }
}

/// What the configuration grants, in the words of the configuration.
fn granted(subject: &Subject) -> String {
    let Some(config) = &subject.config else { return "- (it is not configured here)".to_owned() };
    let mut granted = Vec::new();
    if config.grants.all_fields {
        granted.push("every field".to_owned());
    }
    granted.extend(config.grants.lookups.iter().map(|source| format!("look-ups in {source}")));
    if config.grants.reuse > 0 {
        granted.push(format!("{} records for one instance", config.grants.reuse));
    }
    if granted.is_empty() { "nothing beyond its declared fields".to_owned() } else { granted.join(", ") }
}

fn page(subject: &Subject, loaded: &MappingModule, own: &OwnCases) -> String {
    let module: &Inspection = loaded.inspection();
    let list = |items: &[String]| if items.is_empty() { "-".to_owned() } else { items.join(", ") };
    let is_wasi = |name: &&String| name.starts_with("wasi:");
    let wasi = module.imports.iter().filter(is_wasi).count();
    let imports: Vec<_> = module.imports.iter().filter(|name| !is_wasi(name)).cloned().collect();
    let reuse = match loaded.manifest().reuse {
        None | Some(0 | 1) => "a fresh instance for every record".to_owned(),
        Some(most) => format!("asks for up to {most} records in one instance"),
    };
    let mut lines = vec![
        format!("{} {}", module.name, module.version),
        format!("  {}", module.description),
        String::new(),
        format!("  file      {}", subject.path.display()),
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
        format!("  imports   {}", list(&imports)),
    ];
    if wasi > 0 {
        lines.push(format!(
            "  wasi      {wasi} interfaces, which grant it nothing: no files, no network, a fixed clock"
        ));
    }
    lines.extend([
        format!("  exports   {}", list(&module.exports)),
        format!("  reads     {}", list(&module.reads)),
        format!("  writes    {}", list(&module.writes)),
        format!("  lookups   {}", list(&module.lookups)),
        format!("  granted   {}", granted(subject)),
        format!("  reuse     {reuse}"),
        format!("  cases     {}", own.text()),
        format!("  limits    {}", limits(&module.limits)),
    ]);
    let cut = subject.config.iter().flat_map(|config| &config.cut);
    lines.extend(cut.map(|cut| format!("            {cut}")));
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
        "CPU {} ms, time {} ms, memory {} MiB, output {} KiB, log {} KiB, look-ups {}, file {} MiB, {} \
         at once",
        limits.cpu.as_millis(),
        limits.wall.as_millis(),
        limits.memory_bytes >> 20,
        limits.output_bytes >> 10,
        limits.log_bytes >> 10,
        limits.lookups,
        limits.file_bytes >> 20,
        limits.instances
    )
}
