//! Which module a command is about: a project's, a file, or one of the configuration.
//!
//! Wherever a module comes from, it runs under the limits that would hold for it in production: its own where the
//! configuration has them, and the configuration's, or the defaults, otherwise.

use super::build;
use crate::args::{Common, Output};
use crate::assemble;
use crate::commands::one_tenant;
use crate::config::model::{ModuleConfig, Tenant};
use crate::config::{FILE_NAME, Misconfigured};
use scimwright_mapping::{Grants, HostOptions, Limits, MappingHost, MappingModule, ModuleId};
use scimwright_record::{ModuleName, TenantName};
use scimwright_toolchain::{Project, project::MANIFEST};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The module that a command is about.
pub(super) struct Subject {
    pub(super) host: MappingHost,
    pub(super) id: ModuleId,
    /// The module's file.
    pub(super) path: PathBuf,
    pub(super) limits: Limits,
    /// The project that it was built from, where it was given so.
    pub(super) project: Option<Project>,
    /// The configuration, where there is one.
    pub(super) tenant: Option<Arc<Tenant>>,
    /// What the configuration says of the module, where it says something.
    pub(super) config: Option<ModuleConfig>,
}

impl Subject {
    /// Finds the module that is meant; builds it where it is a project's and not up to date.
    pub(super) fn find(common: &Common, wanted: Option<&str>) -> anyhow::Result<Self> {
        let tenant = configuration(common)?.map(Arc::new);
        match wanted {
            None if Path::new(MANIFEST).is_file() => Self::of_project(common, tenant, Path::new(".")),
            None => Err(Misconfigured(format!(
                "name a module; there is no {MANIFEST} here, which would make this folder a project"
            ))
            .into()),
            Some(wanted) => {
                let path = Path::new(wanted);
                if path.join(MANIFEST).is_file() {
                    Self::of_project(common, tenant, path)
                } else if path.is_file() {
                    Self::of_file(tenant, path)
                } else {
                    Self::of_configuration(common, tenant, wanted)
                }
            }
        }
    }

    fn of_project(common: &Common, tenant: Option<Arc<Tenant>>, folder: &Path) -> anyhow::Result<Self> {
        let project = Project::open(folder).map_err(build::misconfigured)?;
        build::if_stale(&project, common.output == Output::Human)?;
        let name = ModuleName::parse(project.name())?;
        let subject = Self::new(tenant, name, project.component())?;
        Ok(Self { project: Some(project), ..subject })
    }

    fn of_file(tenant: Option<Arc<Tenant>>, path: &Path) -> anyhow::Result<Self> {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().replace('_', "-")).unwrap_or_default();
        let name = ModuleName::parse(&stem).or_else(|_| ModuleName::parse("module"))?;
        Self::new(tenant, name, path.to_owned())
    }

    fn of_configuration(common: &Common, tenant: Option<Arc<Tenant>>, wanted: &str) -> anyhow::Result<Self> {
        let Ok(name) = ModuleName::parse(wanted) else {
            return Err(Misconfigured(format!("there is no file {wanted}")).into());
        };
        let tenant = match tenant {
            Some(tenant) => tenant,
            None if !common.config.join(crate::config::FILE_NAME).is_file()
                && !common.config.join("tenants").is_dir() =>
            {
                let message = format!(
                    "there is no file and no project `{wanted}`, and no configuration here that could know a module of \
                     this name (--config names its folder)"
                );
                return Err(Misconfigured(message).into());
            }
            None => Arc::new(one_tenant(common)?),
        };
        let path = assemble::module_path(&tenant, &name);
        if tenant.module(&name).is_none() && !path.is_file() {
            let known: Vec<_> = tenant.modules.iter().map(|module| module.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!("there is no file and no module `{name}`; modules are: {known}");
            return Err(Misconfigured(message).into());
        }
        Self::new(Some(tenant), name, path)
    }

    fn new(tenant: Option<Arc<Tenant>>, name: ModuleName, path: PathBuf) -> anyhow::Result<Self> {
        let config = tenant.as_ref().and_then(|tenant| tenant.module(&name).cloned());
        let limits = match (&config, &tenant) {
            (Some(config), _) => config.limits,
            (None, Some(tenant)) => tenant.limits,
            (None, None) => Limits::default(),
        };
        let host = match &tenant {
            Some(tenant) => assemble::mapping_host(tenant)?,
            None => MappingHost::new(HostOptions { cache_dir: user_cache(), ..HostOptions::default() })?,
        };
        let owner = tenant.as_ref().map_or_else(TenantName::default, |tenant| tenant.name.clone());
        let id = ModuleId { tenant: owner, name };
        Ok(Self { host, id, path, limits, project: None, tenant, config })
    }

    /// The module for cases, which bring their own settings and look-ups.
    pub(super) fn for_cases(&self) -> anyhow::Result<MappingModule> {
        Ok(self.host.load_for_cases(self.id.clone(), &self.path, self.limits)?)
    }

    /// The module as the configuration has it, for records that come from elsewhere: with the settings and grants there,
    /// the settings given here on top, and look-ups in the configured sources. Without a configuration it has the
    /// settings given here and looks nothing up.
    pub(super) fn live(&self, settings: &[(String, String)]) -> anyhow::Result<MappingModule> {
        let (Some(tenant), Some(config)) = (&self.tenant, &self.config) else {
            let module = self.for_cases()?;
            let wrong = |problems: Vec<String>| {
                let help = "give settings with --settings NAME=VALUE";
                Misconfigured(format!(
                    "the settings of {} are not right: {}; {help}",
                    self.id,
                    problems.join("; ")
                ))
            };
            return Ok(module.with_settings(settings.to_vec()).map_err(wrong)?);
        };
        let mut merged = config.settings.clone();
        for (name, value) in settings {
            match merged.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => known.clone_from(value),
                None => merged.push((name.clone(), value.clone())),
            }
        }
        let grants = Grants { reader: Some(assemble::lookups(tenant)), ..config.grants.clone() };
        Ok(self.host.load(self.id.clone(), &self.path, self.limits, merged, grants)?)
    }

    /// `corp-user 1.2.0 (sha256 12ab34cd)`.
    pub(super) fn title(module: &MappingModule) -> String {
        let manifest = module.manifest();
        let digest = module.digest().get(..12).unwrap_or(module.digest());
        format!("{} {} (sha256 {digest}…)", manifest.name, manifest.version)
    }
}

/// The configuration, where the folder has one and it is clear whose is meant.
pub(super) fn configuration(common: &Common) -> anyhow::Result<Option<Tenant>> {
    let is_one = common.config.join(FILE_NAME).is_file();
    let is_named = common.tenant.is_some() && common.config.join("tenants").is_dir();
    if is_one || is_named { one_tenant(common).map(Some) } else { Ok(None) }
}

/// Where compiled code of modules is kept that belong to no configuration.
fn user_cache() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    Some(named.or_else(home)?.join("scimwright").join("compiled"))
}
