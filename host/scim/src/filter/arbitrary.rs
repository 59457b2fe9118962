//! Filters for property tests.

use super::{Comparison, Filter, FilterValue, Operands};
use crate::path::AttributePath;
use proptest::prelude::*;
use serde_json::Number;

pub(crate) fn value() -> impl Strategy<Value = FilterValue> {
    prop_oneof![
        Just(FilterValue::Null),
        any::<bool>().prop_map(FilterValue::Boolean),
        any::<i64>().prop_map(|number| FilterValue::Number(number.into())),
        any::<u64>().prop_map(|number| FilterValue::Number(number.into())),
        any::<f64>().prop_filter_map("finite", |number| Number::from_f64(number).map(FilterValue::Number)),
        any::<String>().prop_map(FilterValue::Text),
    ]
}

fn path() -> impl Strategy<Value = AttributePath> {
    let text =
        "(urn:[a-z0-9:.]{0,12}[a-z]:)?[A-Za-z][A-Za-z0-9_$-]{0,8}(\\.([A-Za-z][A-Za-z0-9_-]{0,8}|\\$ref))?";
    text.prop_filter_map("a path", |text| AttributePath::parse(&text).ok())
}

fn combined(leaf: impl Strategy<Value = Filter> + 'static) -> impl Strategy<Value = Filter> {
    leaf.prop_recursive(4, 24, 4, |inner| {
        let operands = prop::collection::vec(inner.clone(), 2..4).prop_map(Operands);
        prop_oneof![
            operands.clone().prop_map(Filter::And),
            operands.prop_map(Filter::Or),
            inner.prop_map(Filter::negated),
        ]
    })
}

fn comparison() -> impl Strategy<Value = Filter> {
    let operator = prop::sample::select(Comparison::WORDS.map(|(_, operator)| operator).to_vec());
    prop_oneof![
        path().prop_map(Filter::Present),
        (path(), operator, value()).prop_map(|(path, operator, value)| Filter::Compare {
            path,
            operator,
            value
        }),
    ]
}

pub(crate) fn filter() -> impl Strategy<Value = Filter> {
    let element = (path(), combined(comparison())).prop_map(|(path, inner)| Filter::element(path, inner));
    combined(prop_oneof![3 => comparison(), 1 => element])
}
