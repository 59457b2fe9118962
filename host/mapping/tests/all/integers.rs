//! Integers in guests whose language keeps numbers as doubles.

use crate::guests::{Guest, Says, context, host, id, record};
use scimwright_mapping::{
    AttributeMap, AttributeValue, Concern, Fault, Grants, Limits, MappingModule, Scalar,
};
use scimwright_record::FieldValue;
use scimwright_scim::AttributePath;

const FIRST_LOST: i64 = 1 << 53;

/// The guest with a section in which its tool says that it compiled JavaScript.
fn javascript(guest: &Guest) -> MappingModule {
    let mut wasm = guest.component();
    let mut data = b"\x09producers\x01\x08language\x01\x0aJavaScript\x00".to_vec();
    wasm.push(0);
    wasm.push(u8::try_from(data.len()).unwrap());
    wasm.append(&mut data);
    host().load_bytes(id(), &wasm, Limits::default(), Vec::new(), Grants::default()).unwrap()
}

fn fault(module: &MappingModule, value: i64) -> Option<Fault> {
    let record = record().with("a", FieldValue::Integer(value));
    module.map(&context(), &record).err().map(|error| error.fault)
}

#[test]
fn an_integer_that_would_reach_javascript_as_another_is_refused_with_its_field_and_a_remedy() {
    let module = javascript(&Guest::echo(Says::default()));
    assert_eq!(fault(&module, FIRST_LOST - 1), None);
    assert_eq!(fault(&module, 1 - FIRST_LOST), None);
    for value in [FIRST_LOST, -FIRST_LOST, i64::MAX, i64::MIN] {
        let fault = fault(&module, value).unwrap();
        assert_eq!(fault, Fault::InexactInteger { name: "a".into(), value });
        assert_eq!(fault.concern(), Concern::Record);
        assert!(fault.to_string().contains("let the source give it as text"), "{fault}");
    }
}

#[test]
fn a_field_that_the_module_does_not_read_may_hold_any_integer() {
    let module = javascript(&Guest::echo(Says::names(&["b"])));
    assert_eq!(fault(&module, i64::MAX), None);
}

#[test]
fn other_languages_get_every_integer() {
    let module = Guest::echo(Says::default()).load(&host(), Limits::default()).unwrap();
    assert_eq!(fault(&module, i64::MIN), None);
}

#[test]
fn an_integer_that_comes_back_too_large_to_be_sure_of_is_a_bad_value() {
    // One attribute, `a`: the integer 2^53.
    let body = "(i32.store (i32.const 304) (i32.const 100)) (i32.store (i32.const 308) (i32.const 1))
        (i32.store8 (i32.const 320) (i32.const 2)) (i64.store (i32.const 328) (i64.const 9007199254740992))
        (i32.store (i32.const 208) (i32.const 304)) (i32.store (i32.const 212) (i32.const 1))
        (i32.const 200)";
    let guest = Guest::mapping(body).items(r#"(data (i32.const 100) "a")"#);
    let fault = fault(&javascript(&guest), 1).unwrap();
    let Fault::BadValue { attribute, problem } = &fault else { panic!("{fault}") };
    assert!(attribute == "a" && problem.contains("9007199254740992"), "{fault}");
}

#[test]
fn an_attribute_that_another_module_mapped_is_looked_at_too() {
    let guest = Guest { map: None, defaults: Some("unreachable".into()), ..Guest::mapping("") };
    let module = javascript(&guest);
    let value = AttributeValue::Many(vec![Scalar::Integer(1), Scalar::Integer(FIRST_LOST)]);
    let mapped: AttributeMap = [(AttributePath::parse("userName").unwrap(), value)].into_iter().collect();
    let error = module.defaults(&context(), &record(), &mapped).unwrap_err();
    let expected = Fault::InexactInteger { name: "userName".into(), value: FIRST_LOST };
    assert_eq!(error.fault, expected);
}
