//! Which layer gave an attribute.

use crate::rows::{AttributeRow, Filled, RowValue};
use crate::target::RowTarget;
use scimwright_mapping::{AttributeMap, MappingModule};
use scimwright_record::ModuleName;
use scimwright_scim::AttributePath;

/// Which version of which module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleVersion {
    /// The module's name in the configuration.
    pub name: ModuleName,
    /// Its version, as it says itself.
    pub version: String,
    /// SHA-256 of its file, in hexadecimal.
    pub digest: String,
}

impl ModuleVersion {
    pub(crate) fn of(module: &MappingModule) -> Self {
        Self {
            name: module.id().name.clone(),
            version: module.manifest().version.clone(),
            digest: module.digest().to_owned(),
        }
    }
}

/// The layer that an attribute, or a part of one, comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// A row of the configuration.
    Row(Box<RowOrigin>),
    /// A mapping module.
    Module(ModuleVersion),
    /// A default-values module.
    Default(ModuleVersion),
}

/// A row that gave something.
#[derive(Debug, Clone, PartialEq)]
pub struct RowOrigin {
    /// What it gives.
    pub target: RowTarget,
    /// Where it takes that from.
    pub from: RowValue,
    /// What became of it.
    pub filled: Filled,
    /// For a script: the module that was called.
    pub module: Option<ModuleVersion>,
}

/// Where the attributes of a map come from, kept in step with it; and which parts of it count for new
/// resources only.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    known: Vec<(AttributePath, Origin)>,
    create_only: Vec<RowTarget>,
    /// Attributes about which some row has a say in every run.
    standing: Vec<AttributePath>,
}

impl Origins {
    /// Notes what a row did.
    pub(crate) fn row(&mut self, row: &AttributeRow, filled: Filled, module: Option<ModuleVersion>) {
        let (target, attribute) = (&row.target, row.target.attribute());
        match target.is_whole() {
            true if filled != Filled::Nothing => self.forget(attribute),
            _ => self.create_only.retain(|known| known != target),
        }
        match row.apply {
            crate::rows::Apply::CreateOnly => self.create_only.push(target.clone()),
            crate::rows::Apply::Always => self.standing.push(attribute.clone()),
        }
        if filled == Filled::Nothing {
            return;
        }
        self.known.retain(|(_, origin)| !matches!(origin, Origin::Row(known) if known.target == *target));
        let origin = RowOrigin { target: target.clone(), from: row.value.clone(), filled, module };
        self.known.push((target.path(), Origin::Row(Box::new(origin))));
    }

    /// Notes what a module laid over everything before.
    pub(crate) fn module(&mut self, module: &ModuleVersion, given: &AttributeMap) {
        for (path, _) in given.iter() {
            self.forget(path);
            self.known.push((path.clone(), Origin::Module(module.clone())));
        }
    }

    /// Notes what a default-values module could fill.
    pub(crate) fn defaults(&mut self, module: &ModuleVersion, taken: Vec<AttributePath>) {
        let origin = |path| (path, Origin::Default(module.clone()));
        self.known.extend(taken.into_iter().map(origin));
    }

    fn forget(&mut self, attribute: &AttributePath) {
        self.known.retain(|(path, _)| !path.same_attribute(attribute));
        self.create_only.retain(|target| !target.attribute().same_attribute(attribute));
        self.standing.retain(|path| !path.same_attribute(attribute));
    }

    /// The origins, and what counts for new resources only. An attribute of which every part does is one thing.
    pub(crate) fn finish(self) -> (Vec<(AttributePath, Origin)>, Vec<RowTarget>) {
        let mut create_only: Vec<RowTarget> = Vec::new();
        for target in self.create_only {
            let attribute = target.attribute();
            let has_standing = self.standing.iter().any(|path| path.same_attribute(attribute));
            let target = if has_standing { target } else { RowTarget::whole(attribute) };
            if !create_only.contains(&target) {
                create_only.push(target);
            }
        }
        (self.known, create_only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Apply;
    use scimwright_mapping::{AttributeValue, Scalar};

    fn row(target: &str, apply: Apply) -> AttributeRow {
        AttributeRow { apply, ..AttributeRow::new(target.parse().unwrap(), RowValue::Field("x".into())) }
    }

    fn create_only(rows: &[AttributeRow], given: &[&str]) -> Vec<String> {
        let mut origins = Origins::default();
        for row in rows {
            origins.row(row, Filled::Value, None);
        }
        let map =
            given.iter().map(|path| (path.parse().unwrap(), AttributeValue::One(Scalar::Boolean(true))));
        let version = ModuleVersion { name: "m".parse().unwrap(), version: "1".into(), digest: "0".into() };
        origins.module(&version, &map.collect());
        origins.finish().1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_attribute_of_which_every_part_is_for_new_resources_is_left_alone_as_a_whole() {
        let given = row("name.givenName", Apply::CreateOnly);
        let family = row("name.familyName", Apply::CreateOnly);
        let always = row("name.familyName", Apply::Always);
        assert_eq!(create_only(&[given.clone(), family.clone()], &[]), ["name"]);
        assert_eq!(create_only(&[given.clone(), always.clone()], &[]), ["name.givenName"]);
        assert_eq!(create_only(&[family, always], &[]), [""; 0], "a later row for the same place wins");
        assert_eq!(create_only(&[given], &["name"]), [""; 0], "a module that gives it gives it always");
    }
}
