//! Which queries a played provider understands, and how it answers them.

use super::{Play, Rule};
use crate::fault;
use crate::query::Query;
use crate::reading::Door;
use scimwright_profile::{EmptyResult, QueryBy};
use scimwright_scim::{Comparison, Filter, ScimError, ScimType, SearchRequest};

impl Play {
    /// Holds a query to what is understood.
    ///
    /// # Errors
    /// 403 `sensitive` for a filter in a URL where only searches are taken, `invalidFilter` for a filter that is
    /// too much.
    pub(crate) fn understand(&self, door: Door, search: &mut SearchRequest) -> Result<(), ScimError> {
        let quirks = &self.role.provider;
        let Some(filter) = &search.filter else { return Ok(()) };
        if quirks.query_by == QueryBy::Search && door == Door::List {
            // RFC 7644 section 7.5.2: what is sensitive must not stand in a URL.
            let error = ScimError::new(403, "a filter has to come in the body of a POST to /.search")
                .with_type(ScimType::Sensitive);
            return Err(self.broke(Rule::QueryBy, error));
        }
        if let Some(operators) = &quirks.filter_operators
            && let Err(odd) = plain(filter, operators)
        {
            let detail = format!("the filter `{filter}` uses {odd}, which is not understood");
            return Err(self.broke(Rule::FilterOperators, fault::invalid_filter(detail)));
        }
        if self.role.manners.ignores_filters {
            search.filter = None;
        }
        Ok(())
    }

    /// Judges what a query found.
    ///
    /// # Errors
    /// 404 where this provider says so for nothing.
    pub(crate) fn finds(&self, total: usize, query: &Query) -> Result<(), ScimError> {
        let empty = total == 0 && query.filter.is_some();
        if empty && self.role.provider.empty_result == EmptyResult::NotFound {
            return Err(ScimError::new(404, "nothing matches the filter"));
        }
        Ok(())
    }
}

/// Whether a filter is comparisons by these operators, joined by `and`; if not, what it has besides.
fn plain(filter: &Filter, operators: &[Comparison]) -> Result<(), &'static str> {
    match filter {
        Filter::And(operands) => operands.iter().try_for_each(|operand| plain(operand, operators)),
        Filter::Compare { operator, .. } if operators.contains(operator) => Ok(()),
        Filter::Compare { operator, .. } => Err(operator.as_str()),
        Filter::Or(_) => Err("or"),
        Filter::Not(_) => Err("not"),
        Filter::Present(_) => Err("pr"),
        Filter::Element { .. } => Err("[…]"),
    }
}
