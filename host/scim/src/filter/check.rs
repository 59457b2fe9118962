//! Does a filter make sense for the schemas?

use super::{Comparison, Filter, FilterError, suggest};
use crate::error::{ScimError, ScimType};
use crate::path::AttributePath;
use crate::schema::{Attribute, DataType};
use crate::schema_set::SchemaSet;

impl Filter {
    /// Checks that the filter makes sense for the schemas: every attribute is declared, and the ones that
    /// are compared by order have an order. A server answers `invalidFilter` otherwise.
    ///
    /// # Errors
    /// [`ScimError`] with [`ScimType::InvalidFilter`], naming the attribute, and the one that may have been
    /// meant.
    pub fn check(&self, schemas: &SchemaSet) -> Result<(), ScimError> {
        match first_fault(self, schemas) {
            None => Ok(()),
            Some((_, fault)) => Err(ScimError::bad_request(ScimType::InvalidFilter, fault.sentence())),
        }
    }

    /// Reads a filter that a person wrote for resources with these schemas: [`parse`](Self::parse) and
    /// [`check`](Self::check) in one, with the place of either mistake.
    ///
    /// ```
    /// use scimwright_scim::{Filter, builtin};
    ///
    /// let error = Filter::parse_for("usrName eq \"jdoe\"", &builtin::user_schema_set()).unwrap_err();
    /// assert_eq!((error.span, error.suggestion.as_deref()), (0..7, Some("userName")));
    /// ```
    ///
    /// # Errors
    /// [`FilterError`], as `parse`.
    pub fn parse_for(text: &str, schemas: &SchemaSet) -> Result<Self, FilterError> {
        let (filter, places) = Self::parse_with_places(text)?;
        let Some((index, fault)) = first_fault(&filter, schemas) else { return Ok(filter) };
        // The parser noted a place for every path, in the order in which they are checked.
        let span = places.get(index).cloned().unwrap_or(0..text.len());
        let found = text.get(span.clone()).unwrap_or_default();
        Err(FilterError {
            noun: "filter",
            found: super::parse::shorten(found),
            span,
            expected: fault.expected(),
            suggestion: fault.suggestion(),
        })
    }
}

/// What makes no sense.
enum Fault {
    Undeclared { path: AttributePath, meant: Option<Box<AttributePath>>, in_brackets: bool },
    Unordered { path: AttributePath, operator: Comparison, data_type: DataType },
}

impl Fault {
    fn sentence(&self) -> String {
        match self {
            Self::Undeclared { path, meant: None, .. } => format!("the schemas do not declare `{path}`"),
            Self::Undeclared { path, meant: Some(meant), .. } => {
                format!("the schemas do not declare `{path}`; did you mean `{meant}`?")
            }
            Self::Unordered { path, operator, data_type } => {
                format!("`{path}` is {data_type} and has no order: `{operator}` cannot compare it")
            }
        }
    }

    fn expected(&self) -> String {
        match self {
            Self::Undeclared { .. } => "an attribute that the schemas declare".into(),
            Self::Unordered { operator, .. } => format!("an attribute whose values `{operator}` can order"),
        }
    }

    /// What to put in the place of what stands there.
    fn suggestion(&self) -> Option<String> {
        match self {
            Self::Undeclared { meant: Some(meant), in_brackets: true, .. } => {
                meant.sub.as_ref().map(ToString::to_string)
            }
            Self::Undeclared { meant, .. } => meant.as_ref().map(ToString::to_string),
            Self::Unordered { .. } => None,
        }
    }
}

/// The first fault in reading order, and how many paths stand before the one at fault.
fn first_fault(filter: &Filter, schemas: &SchemaSet) -> Option<(usize, Fault)> {
    let mut walk = Walk { schemas, paths: 0 };
    let fault = walk.check(filter, None)?;
    Some((walk.paths - 1, fault))
}

struct Walk<'s> {
    schemas: &'s SchemaSet,
    /// How many paths were looked at, the one at fault included.
    paths: usize,
}

/// The attribute before the brackets, where there are some.
type Outer<'a> = Option<(&'a AttributePath, Option<&'a Attribute>)>;

impl<'s> Walk<'s> {
    fn check(&mut self, filter: &Filter, outer: Outer<'_>) -> Option<Fault> {
        match filter {
            Filter::Or(operands) | Filter::And(operands) => {
                operands.iter().find_map(|one| self.check(one, outer))
            }
            Filter::Not(inner) => self.check(inner, outer),
            Filter::Present(path) => self.look_up(path, outer).err(),
            Filter::Compare { path, operator, .. } => match self.look_up(path, outer) {
                Ok((full, attribute)) => unordered(full, *operator, attribute?),
                Err(fault) => Some(fault),
            },
            Filter::Element { path, filter } => match self.look_up(path, outer) {
                Ok((full, attribute)) => self.check(filter, Some((&full, attribute))),
                Err(fault) => Some(fault),
            },
        }
    }

    /// The path as it reads from the resource, and its definition, where there is one to be had.
    fn look_up<'a>(
        &mut self,
        path: &AttributePath,
        outer: Outer<'a>,
    ) -> Result<(AttributePath, Option<&'a Attribute>), Fault>
    where
        's: 'a,
    {
        self.paths += 1;
        let Some((of, attribute)) = outer else {
            return match self.schemas.find(path) {
                None if self.schemas.describes(path) => Err(self.undeclared(path.clone(), false)),
                found => Ok((path.clone(), found)),
            };
        };
        let full = of.with_sub(path.attribute.clone());
        match attribute.filter(|attribute| attribute.is_complex()) {
            None => Ok((full, None)),
            Some(complex) => match complex.sub_attribute(path.attribute.as_str()) {
                Some(part) => Ok((full, Some(part))),
                None => Err(self.undeclared(full, true)),
            },
        }
    }

    fn undeclared(&self, path: AttributePath, in_brackets: bool) -> Fault {
        let meant = suggest::attribute(&path, self.schemas).map(Box::new);
        Fault::Undeclared { path, meant, in_brackets }
    }
}

// RFC 7644 section 3.4.2.2, table 3: boolean and binary attributes have no order.
fn unordered(path: AttributePath, operator: Comparison, attribute: &Attribute) -> Option<Fault> {
    let without_order = matches!(attribute.data_type, DataType::Boolean | DataType::Binary);
    let by_order = matches!(
        operator,
        Comparison::Greater | Comparison::GreaterOrEqual | Comparison::Less | Comparison::LessOrEqual
    );
    let data_type = attribute.data_type.clone();
    (without_order && by_order).then_some(Fault::Unordered { path, operator, data_type })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use proptest::prelude::*;

    #[test]
    fn a_filter_that_makes_no_sense_is_told_apart() {
        let check = |text: &str| Filter::parse(text).unwrap().check(&builtin::user_schema_set());
        for good in
            ["userName gt \"a\"", "emails[type eq \"x\"]", "meta.created gt \"2024\"", "schemas[value pr]"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "active gt true",
            "nonsense pr",
            "name.nonsense pr",
            "emails[nonsense pr]",
            "emails[primary ge 1]",
        ] {
            assert_eq!(check(bad).unwrap_err().scim_type, Some(ScimType::InvalidFilter), "{bad}");
        }
    }

    /// Point 9: an attribute of an extension is suggested with its URN, which is what most often is missing.
    #[test]
    fn every_mistake_has_a_place_and_what_is_near_is_suggested() {
        let users = builtin::user_schema_set();
        let screen: Vec<_> = [
            r#"userName equals "jdoe""#,
            r#"userName == "jdoe""#,
            r#"userName starts_with "jdoe""#,
            r#"userName eqq "jdoe""#,
            r#"userName xx "jdoe""#,
            "title exists",
            "userName eq jdoe",
            "userName eq 'jdoe'",
            r#"title pr && userName eq "x""#,
            r#"title pr || active eq true"#,
            r#"usrName eq "jdoe""#,
            r#"active eq true and (name.givenNam eq "x")"#,
            r#"not (emails[tpye eq "work"])"#,
            r#"department eq "Tools""#,
            r#"shoeSize eq 38"#,
            r#"title pr and active gt true"#,
        ]
        .into_iter()
        .map(|text| {
            let error = Filter::parse_for(text, &users).unwrap_err();
            let marks = "^".repeat(error.span.len().max(1));
            format!("{text}\n{}{marks}\n{error}\n", " ".repeat(error.span.start))
        })
        .collect();
        insta::assert_snapshot!(screen.join("\n"));
    }

    #[test]
    fn a_server_suggests_too() {
        let filter = Filter::parse("emails[tpye eq \"work\"]").unwrap();
        assert_eq!(
            filter.check(&builtin::user_schema_set()).unwrap_err().to_string(),
            "400 (invalidFilter): the schemas do not declare `emails.tpye`; did you mean `emails.type`?"
        );
    }

    proptest! {
        #[test]
        fn the_place_of_a_fault_is_that_of_the_path_at_fault(filter in super::super::arbitrary::filter()) {
            let (users, text) = (builtin::user_schema_set(), filter.to_string());
            match (filter.check(&users), Filter::parse_for(&text, &users)) {
                (Ok(()), parsed) => prop_assert_eq!(parsed, Ok(filter)),
                (Err(_), Ok(_)) => prop_assert!(false, "{} passed", text),
                (Err(error), Err(placed)) => {
                    let at_fault = &text[placed.span.clone()];
                    let last = at_fault.rsplit(':').next().unwrap_or_default();
                    prop_assert!(error.to_string().contains(last), "{} in {}", at_fault, error);
                    if let Some(meant) = placed.suggestion {
                        let start = placed.span.start;
                        let mended = format!("{}{meant}{}", &text[..start], &text[placed.span.end..]);
                        let again = Filter::parse_for(&mended, &users).err();
                        prop_assert!(again.is_none_or(|again| again.suggestion.is_none() || again.span.start > start));
                    }
                }
            }
        }
    }
}
