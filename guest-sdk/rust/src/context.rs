//! Everything a mapping may know besides the record.
//!
//! There is no clock, no randomness, no file and no network: the same record and context give the same
//! outcome tomorrow, which is what makes a run explainable afterwards.

use crate::access::parse_boolean;
use crate::manifest::Manifest;
use crate::outcome::MappingError;
use std::cell::OnceCell;

/// Why the mapping is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// No resource is known for the record yet.
    Create,
    /// The record has a resource.
    Update,
    /// Somebody wants to see the outcome; nothing will be sent.
    Preview,
}

/// Everything a mapping may know besides the record.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) tenant: String,
    pub(crate) provider: String,
    pub(crate) resource_type: String,
    pub(crate) operation: Operation,
    pub(crate) now: String,
    pub(crate) settings: Vec<(String, String)>,
    /// Where the defaults of settings come from. Asked only when a setting is missing: most calls never pay
    /// for building a manifest.
    pub(crate) describe: fn() -> Manifest,
    pub(crate) manifest: OnceCell<Manifest>,
}

impl Context {
    /// The tenant on whose behalf the module runs.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The service provider's name in the configuration.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The SCIM resource type that is wanted: `User`, `Group`.
    #[must_use]
    pub fn resource_type(&self) -> &str {
        &self.resource_type
    }

    /// Why the mapping is asked.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The moment of the run as RFC 3339 text in UTC; the only clock there is.
    #[must_use]
    pub fn now(&self) -> &str {
        &self.now
    }

    /// The day of the run as `YYYY-MM-DD`, which compares well with [`Record::date`](crate::Record::date).
    #[must_use]
    pub fn today(&self) -> &str {
        self.now.get(..10).unwrap_or(&self.now)
    }

    /// The value of a setting: from the configuration, else the default in the manifest. Blank is none.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        let given = self.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = given.or_else(|| self.default_of(name))?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// The value of a setting that the module cannot work without.
    ///
    /// # Errors
    /// [`MappingError::Other`] when there is neither a value nor a default.
    pub fn required_setting(&self, name: &str) -> Result<&str, MappingError> {
        self.setting(name).ok_or_else(|| MappingError::other(format!("setting `{name}` has no value")))
    }

    /// The value of a setting that is a yes or a no, in the words that
    /// [`Record::boolean`](crate::Record::boolean) understands.
    ///
    /// # Errors
    /// [`MappingError::Other`] when the value is neither.
    pub fn boolean_setting(&self, name: &str) -> Result<Option<bool>, MappingError> {
        self.parsed(name, "a yes or a no", parse_boolean)
    }

    /// The value of a setting that is a whole number.
    ///
    /// # Errors
    /// [`MappingError::Other`] when the value is not one.
    pub fn integer_setting(&self, name: &str) -> Result<Option<i64>, MappingError> {
        self.parsed(name, "a whole number", |text| text.parse().ok())
    }

    fn parsed<T>(
        &self,
        name: &str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, MappingError> {
        let Some(text) = self.setting(name) else { return Ok(None) };
        match parse(text) {
            Some(value) => Ok(Some(value)),
            None => Err(MappingError::other(format!("setting `{name}`: `{text}` is not {wanted}"))),
        }
    }

    fn default_of(&self, name: &str) -> Option<&str> {
        let manifest = self.manifest.get_or_init(self.describe);
        manifest.settings.iter().find(|setting| setting.name == name)?.default.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use crate::prelude::*;

    struct Module;

    impl Describe for Module {
        fn describe() -> Manifest {
            Manifest::new("module", "1")
                .setting(Setting::optional("domain", "Where mail goes.").default("example.com"))
                .setting(Setting::optional("strict", "Whether to be strict."))
                .setting(Setting::required("country", "Where people are."))
        }
    }

    #[test]
    fn a_setting_without_a_value_has_the_default_of_the_manifest() {
        let ctx = testing::context::<Module>();
        assert_eq!(ctx.setting("domain"), Some("example.com"));
        assert_eq!(ctx.setting("strict"), None);
        assert_eq!(
            ctx.clone().with_setting("domain", "corp.example").setting("domain"),
            Some("corp.example")
        );
    }

    #[test]
    fn a_blank_setting_turns_the_default_off() {
        assert_eq!(testing::context::<Module>().with_setting("domain", " ").setting("domain"), None);
    }

    #[test]
    fn a_setting_of_the_wrong_kind_is_named_with_its_value() {
        let ctx = testing::context::<Module>().with_setting("strict", "perhaps");
        let error = ctx.boolean_setting("strict").unwrap_err();
        assert_eq!(error.to_string(), "setting `strict`: `perhaps` is not a yes or a no");
        let error = ctx.required_setting("country").unwrap_err();
        assert_eq!(error.to_string(), "setting `country` has no value");
    }

    #[test]
    fn the_day_of_the_run_compares_with_dates_of_records() {
        let ctx = testing::context::<Module>().with_now("2026-03-01T23:59:00Z");
        assert_eq!(ctx.today(), "2026-03-01");
        assert!(ctx.today() < "2026-03-02");
    }
}
