"""What crosses to the host and back, through the same classes that a component has."""

import math
import types as python_types
import unittest
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import scimwright
from scimwright import (
    as_json,
    clear,
    date_time,
    defaults,
    functions,
    invalid,
    is_open,
    leave,
    link,
    log,
    lookup,
    mapping,
    reference,
    rejected,
    skip,
    testing,
)
from scimwright._wit import Err, case_of, types
from scimwright.testing import LogLine

URN = "urn:example:User"


def module_of(function, decorator=mapping, **manifest):
    """A module around one function, as if it stood in a file of its own."""
    module = python_types.ModuleType("authors")
    placed = python_types.FunctionType(function.__code__, {**function.__globals__}, function.__name__, None, function.__closure__)
    decorator(**{"name": "m", **manifest})(placed)
    for name in ("About", "AttributeMapping", "DefaultValues"):
        if name in placed.__globals__:
            setattr(module, name, placed.__globals__[name])
    return module


def outcome(function, given=(), **manifest):
    """What a record's fields become in a mapping, as the contract has it."""
    manifest.setdefault("reads", [field.name for field in given])
    ctx = types.Context("t", "p", "User", types.Operation.CREATE, "2026-03-01T23:59:00Z", [])
    source = types.SourceRecord("hr", "E1", list(given))
    return module_of(function, **manifest).AttributeMapping().map(ctx, source)


def it(value):
    return [types.Field("it", value)]


def value(a, **manifest):
    """The value of the attribute `a`; None where it is left alone."""
    attributes = outcome(lambda record, ctx: {"a": a}, **manifest).value
    return attributes[0].value if attributes else None


def failure(function, given=(), **manifest):
    try:
        outcome(function, given, **manifest)
    except Err as error:
        return error.value
    raise AssertionError("it did not fail")


def raising(error):
    def map(record, ctx):
        raise error

    return map


class Values(unittest.TestCase):
    def test_each_kind_of_value_becomes_the_contracts(self):
        pairs = [
            ("x", types.Scalar_Text("x")),
            (True, types.Scalar_Boolean(True)),
            (3, types.Scalar_Integer(3)),
            (2**63 - 1, types.Scalar_Integer(2**63 - 1)),
            (2.0, types.Scalar_Decimal(2.0)),
            (Decimal("0.5"), types.Scalar_Decimal(0.5)),
            (datetime(1970, 1, 1, tzinfo=timezone.utc), types.Scalar_DateTime("1970-01-01T00:00:00Z")),
            (datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), types.Scalar_DateTime("1970-01-01T00:00:00Z")),
            (date(2024, 3, 1), types.Scalar_Text("2024-03-01")),
            (date_time("2024-03-01T08:00:00Z"), types.Scalar_DateTime("2024-03-01T08:00:00Z")),
            (b"\x01", types.Scalar_Binary(b"\x01")),
            (reference("https://example.com"), types.Scalar_Reference("https://example.com")),
            (link("User", 7), types.Scalar_Link(types.RecordLink("User", "7"))),
        ]
        for given, expected in pairs:
            with self.subTest(given):
                self.assertEqual(value(given), types.AttributeValue_One(expected))
        self.assertEqual(value(as_json({"a": {"b": [1]}})), types.AttributeValue_Json('{"a":{"b":[1]}}'))

    def test_lists_and_dicts_become_many_complex_and_complexes(self):
        x = types.SubAttribute("x", types.SubValue_One(types.Scalar_Text("1")))
        y = types.SubAttribute("y", types.SubValue_Many([types.Scalar_Text("2")]))
        self.assertEqual(value(["1", None]), types.AttributeValue_Many([types.Scalar_Text("1")]))
        self.assertEqual(value({"x": "1", "y": ["2"], "z": None}), types.AttributeValue_Complex([x, y]))
        self.assertEqual(value([{"x": "1"}, None, {"x": None}]), types.AttributeValue_Complexes([[x]]))

    def test_none_clear_and_what_is_empty_clear_an_attribute_and_leave_leaves_it_alone(self):
        for nothing in (None, clear, [], [None], {}, {"x": None}, [{"x": None}]):
            self.assertEqual(value(nothing), types.AttributeValue_Clear())
        self.assertIsNone(value(leave))

    def test_an_extension_is_nested_under_its_urn_or_named_with_it_as_the_manifest_tells(self):
        writes = [f"{URN}:department", f"{URN}:manager"]

        def names(returned):
            attributes = outcome(lambda record, ctx: returned, writes=writes).value
            return [f"{attribute.name} {case_of(attribute.value)}" for attribute in attributes]

        nested = {URN: {"department": "x", "manager": None, "other": leave}}
        self.assertEqual(names(nested), [f"{URN}:department One", f"{URN}:manager Clear"])
        self.assertEqual(names({f"{URN}:manager": {"value": "x"}}), [f"{URN}:manager Complex"])
        self.assertEqual(names({URN: None}), [f"{URN}:department Clear", f"{URN}:manager Clear"])

    def test_a_mistake_in_what_is_returned_names_its_place(self):
        cycle = {}
        cycle["cycle"] = cycle
        pairs = [
            ({"b": value}, "the mapping returned `a.b`: a function is no SCIM value"),
            ([{"b": [1, {2}]}], "the mapping returned `a[0].b[1]`: a set is no SCIM value"),
            (math.nan, "the mapping returned `a`: nan is no SCIM value"),
            ({"b": {"c": 1}}, "the mapping returned `a.b`: a dict nests deeper than SCIM allows"),
            (["x", {"y": 1}], "the mapping returned `a[0]`: a text among dicts"),
            (2**63, "the mapping returned `a`: 9223372036854775808 is a whole number beyond 64 bits"),
            (datetime(2024, 1, 1), "the mapping returned `a`: a datetime without a time zone"),
            ("\ud83d", "the mapping returned `a`: a text with half a character in it"),
            ({"b": clear}, "the mapping returned `a.b`: clear stands for a whole attribute"),
            (as_json(cycle), "the mapping returned `a`: as_json(...) cannot be written"),
        ]
        for given, expected in pairs:
            with self.subTest(expected):
                error = failure(lambda record, ctx: {"a": given})
                self.assertTrue(error.value.startswith(expected), error.value)
        self.assertEqual(
            failure(lambda record, ctx: None).value, "the mapping returned nothing, where a dict of attributes is needed"
        )


class Endings(unittest.TestCase):
    def test_skipping_works_by_return_by_raise_and_by_call(self):
        def called(record, ctx):
            skip("why")
            return {}

        for function in (lambda record, ctx: skip("why"), raising(scimwright.Skip("why")), called):
            self.assertEqual(outcome(function), types.Outcome_Skip("why"))

    def test_what_a_mapping_raises_becomes_the_contracts_error(self):
        pairs = [
            (lambda r, c: invalid("email", "has no @"), types.MappingError_InvalidRecord(types.InvalidRecord("email", "has no @"))),
            (lambda r, c: invalid("is empty"), types.MappingError_InvalidRecord(types.InvalidRecord(None, "is empty"))),
            (lambda r, c: rejected("not ours"), types.MappingError_Rejected("not ours")),
            (lambda r, c: scimwright.lookup_failed("gone"), types.MappingError_LookupFailed("gone")),
        ]
        for function, expected in pairs:
            self.assertEqual(failure(function), expected)

    def test_a_mistake_carries_the_authors_file_and_line(self):
        line = (lambda record, ctx: None.strip()).__code__.co_firstlineno + 1
        error = failure(lambda record, ctx: None.strip())
        self.assertEqual(error.value, f"AttributeError: 'NoneType' object has no attribute 'strip' (test_mapping.py:{line})")
        error = failure(lambda record, ctx: {"a": functions.format_date("2024-03-01", "QQ")})
        self.assertRegex(error.value, r"the date format `QQ` has `QQ`.* \(test_mapping\.py:\d+\)$")


class Records(unittest.TestCase):
    def seen(self, field, read=lambda record: record["it"]):
        found = []
        outcome(lambda record, ctx: found.append(read(record)) or {}, it(field))
        return found[0]

    def test_each_kind_of_field_arrives_as_what_python_has_for_it(self):
        self.assertIsNone(self.seen(types.FieldValue_Null()))
        self.assertEqual(self.seen(types.FieldValue_Integer(2**60)), 2**60)
        moment = self.seen(types.FieldValue_DateTime("2024-03-01T08:00:00+02:00"))
        self.assertEqual(moment, datetime(2024, 3, 1, 6, tzinfo=timezone.utc))
        leap = self.seen(types.FieldValue_DateTime("2016-12-31T23:59:60Z"))
        self.assertEqual(leap, datetime(2017, 1, 1, tzinfo=timezone.utc))
        self.assertEqual(self.seen(types.FieldValue_Binary(b"\x01")), b"\x01")
        self.assertEqual(self.seen(types.FieldValue_Json('{"a":[1]}')), {"a": [1]})

    def test_a_moment_that_is_passed_on_stays_as_the_source_wrote_it(self):
        text = "2024-03-01T08:00:00.1234567+02:00"
        field = it(types.FieldValue_DateTime(text))
        passed = outcome(lambda record, ctx: {"a": record["it"]}, field).value[0].value
        self.assertEqual(passed, types.AttributeValue_One(types.Scalar_DateTime(text)))
        moved = outcome(lambda record, ctx: {"a": record["it"] + timedelta(days=1)}, field).value[0].value
        self.assertEqual(moved.value.value, "2024-03-02T06:00:00.123456Z")

    def test_reading_a_field_that_is_not_declared_is_a_mistake_and_one_that_is_left_out_is_none(self):
        reads = ["email", "title"]
        error = failure(lambda record, ctx: {"a": record["emial"]}, reads=reads)
        self.assertRegex(error.value, "^`emial` is not among the manifest's `reads`; did you mean `email`\\? \\(test_mapping")
        error = failure(lambda record, ctx: {"a": record.get("emial")}, reads=reads)
        self.assertIn("did you mean `email`", error.value)
        attributes = outcome(lambda record, ctx: {"a": record["title"], "b": record.get("title", "x")}, reads=reads).value
        self.assertEqual([case_of(attribute.value) for attribute in attributes], ["Clear", "One"])
        self.assertEqual(outcome(lambda record, ctx: {"a": record["any"] or leave}, reads=["*"]).value, [])

    def test_readers_trim_read_what_people_write_and_name_the_field_that_is_wrong(self):
        text, number = types.FieldValue_Text, types.FieldValue_Decimal
        pairs = [
            ("text", text("\u00a0 a b "), "a b"),
            ("text", types.FieldValue_Integer(1042), "1042"),
            ("text", number(1e21), "1000000000000000000000"),
            ("text", number(1.5e-7), "0.00000015"),
            ("text", number(2.0), "2"),
            ("optional_text", text("\ufeff\u200b"), None),
            ("boolean", text(" Yes "), True),
            ("boolean", types.FieldValue_Boolean(False), False),
            ("integer", text(" -42 "), -42),
            ("decimal", text("2.5"), 2.5),
            ("date", text("2024-02-29"), "2024-02-29"),
            ("date", types.FieldValue_DateTime("2024-03-01T08:00:00+02:00"), "2024-03-01T08:00:00+02:00"),
            ("many", types.FieldValue_Many(["a", " ", " b"]), ["a", "b"]),
            ("many", text(" a "), ["a"]),
        ]
        for reader, field, expected in pairs:
            with self.subTest(reader=reader, field=field):
                self.assertEqual(self.seen(field, lambda record: getattr(record, reader)("it")), expected)
        wrong = [
            ("text", text(" "), "is blank, and a value is needed"),
            ("text", types.FieldValue_Many(["a"]), "holds a list where text is needed"),
            ("boolean", text("maybe"), "`maybe` is not a yes or a no"),
            ("date", text("01.03.2024"), "`01.03.2024` is not a date like 2024-03-01 or a moment like 2024-03-01T08:00:00Z"),
        ]
        for reader, field, expected in wrong:
            error = failure(lambda record, ctx: {"a": getattr(record, reader)("it")}, it(field))
            self.assertEqual(error.value, types.InvalidRecord("it", expected))

    def test_the_context_has_settings_with_their_defaults_and_the_runs_moment(self):
        settings = {"domain": {"default": "example.com"}, "strict": {"default": True}, "none": {}}
        seen = []

        def map(record, ctx):
            seen.extend([ctx.setting("domain"), ctx.boolean_setting("strict"), ctx.setting("none"), ctx.today, ctx.operation])
            return {}

        outcome(map, settings=settings)
        self.assertEqual(seen, ["example.com", True, None, "2026-03-01", "create"])
        error = failure(lambda record, ctx: {"a": ctx.setting("domian")}, settings=settings)
        self.assertIn("did you mean `domain`", error.value)
        error = failure(lambda record, ctx: {"a": ctx.required_setting("none")}, settings=settings)
        self.assertEqual(error, types.MappingError_Other("setting `none` has no value"))


class Modules(unittest.TestCase):
    def test_a_wrong_manifest_is_told_when_the_module_is_built(self):
        for manifest, message in (
            ({"writes": "userName"}, "`writes` has to be a list of texts"),
            ({"reuse": 0}, "`reuse` has to be a number of records"),
            ({"settings": {"x": {"defualt": 1}}}, "`defualt`; did you mean `default`"),
        ):
            with self.assertRaisesRegex(TypeError, message):
                mapping(name="m", **manifest)

    def test_defaults_see_what_was_mapped_and_whether_an_attribute_is_open(self):
        def supply(record, ctx, mapped):
            offered = {"title": "T", "locale": "L", "nickName": mapped["userName"], f"{URN}:floor": "F"}
            return {name: value for name, value in offered.items() if is_open(mapped, name)}

        module = module_of(supply, defaults, writes=["title", "locale", "nickName", f"{URN}:floor"])
        mapped = {"userName": "ada", "Title": "x", "locale": None, URN: {"floor": "3"}}
        case = {"source": "hr", "key": "1", "fields": {}, "mapped": mapped}
        self.assertEqual(testing.run_case(module, case), {"nickName": "ada"})

    def test_a_look_up_gets_the_fields_that_it_names_and_says_why_it_did_not_work(self):
        testing.provide_lookup("sites", "BER", {"city": "Berlin", "rent": 1})
        self.addCleanup(testing.forget_lookups)
        site = lookup("sites", "BER", ["city"])
        self.assertEqual((site["city"], site.key), ("Berlin", "BER"))
        with self.assertRaisesRegex(KeyError, "`rent` is not among the fields that the look-up names"):
            site["rent"]
        self.assertIsNone(lookup("sites", "PAR", ["city"]))
        error = failure(lambda record, ctx: {"a": lookup("salaries", "E1", ["x"])})
        self.assertRegex(error.value, "^source `salaries` is not granted to this module")

    def test_a_case_answers_look_ups_from_its_own_tape(self):
        module = module_of(lambda record, ctx: {"a": (lookup("d", record["id"], ["n"]) or {"n": leave})["n"]}, reads=["id"], writes=["a"])
        tape = [
            {"source": "d", "key": "D1", "fields": ["n"], "found": {"n": "Research"}},
            {"source": "d", "key": "D2", "fields": ["n"], "found": None},
            {"source": "d", "key": "D3", "fields": ["n"], "unavailable": "the disk is gone"},
        ]

        def run(key):
            return testing.run_case(module, {"source": "hr", "key": "1", "fields": {"id": key}, "lookups": tape})

        self.assertEqual(run("D1"), {"a": "Research"})
        self.assertEqual(run("D2"), {})
        message = "source `d` could not be read: the disk is gone"
        self.assertEqual(run("D3"), {"error": {"kind": "lookup-failed", "message": message}})
        self.assertIn("the case has no look-up of `D9` in `d`", run("D9")["error"]["message"])

    def test_a_log_line_carries_its_details_as_text(self):
        testing.logs()
        log.warn("dropped", field="x", count=2)
        self.assertEqual(testing.logs(), [LogLine("warn", "dropped", {"field": "x", "count": "2"})])

    def test_a_case_gives_only_declared_fields_and_fails_when_another_attribute_is_set_than_declared(self):
        def map(record, ctx):
            return {"userName": ",".join(record), "nick": "B" if record["name"] == "Bob" else leave}

        module = module_of(map, reads=["name"], writes=["userName"])

        def run(name):
            return testing.run_case(module, {"source": "hr", "key": "1", "fields": {"name": name, "title": "x"}})

        self.assertEqual(run("Ada"), {"userName": "name"})
        with self.assertRaisesRegex(AssertionError, "`nick` is set, but the manifest does not write it"):
            run("Bob")


if __name__ == "__main__":
    unittest.main()
