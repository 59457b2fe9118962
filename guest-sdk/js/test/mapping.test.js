// What crosses to the host and back, through the same exports that a component has.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "../scimwright.js";
import { forgetLookups, logs, provideLookup, runCase } from "../testing.js";

const { clear, dateTime, decimal, fields, functions, invalid, json, link, log, lookup, mapping, reference, rejected, skip } = sdk;
const URN = "urn:example:User";

/** A module around one function, and what a record's fields become in it, as the contract has it. */
function outcome(map, given = [], manifest = {}) {
  const module = mapping({ name: "m", reads: given.map((field) => field.name), ...manifest, map });
  const ctx = { tenant: "t", provider: "p", resourceType: "User", operation: "create", now: "2026-03-01T23:59:00Z", settings: [] };
  return module.attributeMapping.map(ctx, { source: "hr", key: "E1", fields: given });
}
const field = (tag, val) => ({ name: "it", value: { tag, val } });
/** The value of the attribute `a`. */
const value = (a, manifest) => outcome(() => ({ a }), [], manifest).val[0]?.value;
/** The error of a mapping that fails. */
function failure(map, given, manifest) {
  try {
    outcome(map, given, manifest);
  } catch (error) {
    return error;
  }
  return assert.fail("it did not fail");
}
const complaint = (a) => failure(() => ({ a })).val;

test("each kind of value becomes the contract's", () => {
  assert.deepEqual(value("x"), { tag: "one", val: { tag: "text", val: "x" } });
  assert.deepEqual(value(true), { tag: "one", val: { tag: "boolean", val: true } });
  assert.deepEqual(value(3), { tag: "one", val: { tag: "integer", val: 3 } });
  assert.deepEqual(value(-0), { tag: "one", val: { tag: "integer", val: 0 } });
  assert.deepEqual(value(42n), { tag: "one", val: { tag: "integer", val: 42 } });
  assert.deepEqual(value(0.5), { tag: "one", val: { tag: "decimal", val: 0.5 } });
  assert.deepEqual(value(decimal(2)), { tag: "one", val: { tag: "decimal", val: 2 } });
  assert.deepEqual(value(new Date(0)), { tag: "one", val: { tag: "date-time", val: "1970-01-01T00:00:00Z" } });
  assert.deepEqual(value(dateTime("2024-03-01T08:00:00Z")), { tag: "one", val: { tag: "date-time", val: "2024-03-01T08:00:00Z" } });
  assert.deepEqual(value(new Uint8Array([1])), { tag: "one", val: { tag: "binary", val: new Uint8Array([1]) } });
  assert.deepEqual(value(reference("https://example.com")), { tag: "one", val: { tag: "reference", val: "https://example.com" } });
  assert.deepEqual(value(link("User", 7)), { tag: "one", val: { tag: "link", val: { resourceType: "User", key: "7" } } });
  assert.deepEqual(value(json({ a: { b: [1] } })), { tag: "json", val: '{"a":{"b":[1]}}' });
});

test("lists and objects become many, complex and complexes", () => {
  const text = (val) => ({ tag: "text", val });
  assert.deepEqual(value(["x", null, undefined, "y"]), { tag: "many", val: [text("x"), text("y")] });
  assert.deepEqual(value({ x: "1", y: ["2"], z: null }), {
    tag: "complex",
    val: [{ name: "x", value: { tag: "one", val: text("1") } }, { name: "y", value: { tag: "many", val: [text("2")] } }],
  });
  assert.deepEqual(value([{ x: "1" }, null, { x: undefined }]), {
    tag: "complexes",
    val: [[{ name: "x", value: { tag: "one", val: text("1") } }]],
  });
});

test("null, clear and what is empty clear an attribute; undefined leaves it alone", () => {
  for (const nothing of [null, clear, [], [null], {}, { x: null }, [{ x: null }]]) assert.deepEqual(value(nothing), { tag: "clear" });
  assert.equal(value(undefined), undefined);
});

test("an extension is nested under its URN or named with it, as the manifest tells", () => {
  const writes = [`${URN}:department`, `${URN}:manager`];
  const names = (returned) => outcome(() => returned, [], { writes }).val.map(({ name, value: { tag } }) => `${name} ${tag}`);
  assert.deepEqual(names({ [URN]: { department: "x", manager: null, other: undefined } }), [`${URN}:department one`, `${URN}:manager clear`]);
  assert.deepEqual(names({ [`${URN}:manager`]: { value: "x" } }), [`${URN}:manager complex`]);
  assert.deepEqual(names({ [URN]: null }), [`${URN}:department clear`, `${URN}:manager clear`]);
});

test("a mistake in what is returned names its place", () => {
  assert.equal(complaint({ b: () => 1 }), "the mapping returned `a.b`: a function is no SCIM value");
  assert.equal(complaint([{ b: [1, Symbol("s")] }]), "the mapping returned `a[0].b[1]`: a symbol is no SCIM value");
  assert.equal(complaint(NaN), "the mapping returned `a`: NaN is no SCIM value");
  assert.match(complaint({ b: { c: 1 } }), /`a\.b`: an object nests deeper than SCIM allows/);
  assert.match(complaint(["x", { y: 1 }]), /`a\[0\]`: a string among objects/);
  assert.match(complaint(2 ** 53), /`a`: 9007199254740992 is a whole number beyond 2\^53/);
  assert.match(complaint(2n ** 60n), /`a`: 1152921504606846976 is a whole number beyond 2\^53/);
  assert.match(complaint(new Map()), /`a`: a Map is no SCIM value/);
  assert.match(complaint(new Date(NaN)), /`a`: a Date that is no date/);
  assert.match(complaint("🚀".slice(0, 1)), /`a`: a text with half a character/);
  assert.match(complaint({ b: clear }), /`a\.b`: clear stands for a whole attribute/);
  const cycle = {};
  cycle.cycle = cycle;
  assert.match(complaint(json(cycle)), /`a`: json\(…\) cannot be written/);
});

test("what is no object of attributes is told for what it is", () => {
  assert.equal(failure(() => {}).val, "the mapping returned nothing, where an object of attributes is needed");
  assert.match(failure(async () => ({})).val, /a promise; a mapping is a plain function/);
  assert.match(failure(() => []).val, /returned a list/);
});

test("skipping works by return, by throw and by call", () => {
  for (const map of [() => skip("why"), () => { throw skip("why"); }, () => { skip("why"); return {}; }]) {
    assert.deepEqual(outcome(map), { tag: "skip", val: "why" });
  }
});

test("what a mapping throws becomes the contract's error", () => {
  assert.deepEqual(failure(() => invalid("email", "has no @")), { tag: "invalid-record", val: { field: "email", message: "has no @" } });
  assert.deepEqual(failure(() => invalid("is empty")), { tag: "invalid-record", val: { field: null, message: "is empty" } });
  assert.deepEqual(failure(() => rejected("not ours")), { tag: "rejected", val: "not ours" });
  assert.deepEqual(failure(() => sdk.lookupFailed("gone")), { tag: "lookup-failed", val: "gone" });
  assert.deepEqual(failure(() => { throw "text"; }), { tag: "other", val: "the mapping threw text" });
});

test("a mistake carries the author's file and line", () => {
  const error = failure(() => null.trim());
  assert.match(error.val, /^TypeError: .*trim.* \(mapping\.test\.js:\d+\)$/);
  const inside = failure(() => ({ a: functions.formatDate("2024-03-01", "QQ") }));
  assert.match(inside.val, /the date format `QQ` has `QQ`.* \(mapping\.test\.js:\d+\)$/);
});

test("each kind of field arrives as what JavaScript has for it", () => {
  const it = (tag, val) => {
    let seen;
    outcome((record) => { seen = record.it; return {}; }, [field(tag, val)]);
    return seen;
  };
  assert.equal(it("null"), null);
  assert.equal(it("integer", 5), 5);
  assert.deepEqual(it("date-time", "2024-03-01T08:00:00+02:00"), new Date("2024-03-01T06:00:00Z"));
  assert.deepEqual(it("binary", new Uint8Array([1])), new Uint8Array([1]));
  assert.deepEqual(it("many", ["a"]), ["a"]);
  assert.deepEqual(it("json", '{"a":[1]}'), { a: [1] });
});

test("a moment that is passed on stays as the source wrote it", () => {
  const text = "2024-03-01T08:00:00.1234567+02:00";
  const passed = outcome((record) => ({ a: record.it }), [field("date-time", text)]);
  assert.deepEqual(passed.val[0].value.val, { tag: "date-time", val: text });
  const moved = outcome((record) => { record.it.setUTCFullYear(2025); return { a: record.it }; }, [field("date-time", text)]);
  assert.equal(moved.val[0].value.val.val, "2025-03-01T06:00:00.123Z");
});

test("a whole number that JavaScript cannot hold is an error of the record, and only where it is read", () => {
  const large = [field("integer", 2 ** 53)];
  assert.deepEqual(outcome(() => ({}), large), { tag: "provision", val: [] });
  const error = failure((record) => ({ a: record.it }), large);
  assert.equal(error.tag, "invalid-record");
  assert.equal(error.val.field, "it");
});

test("reading a field that is not declared is a mistake, and one that the source left out is undefined", () => {
  const manifest = { reads: ["email", "title"] };
  assert.match(failure((record) => ({ a: record.emial }), [], manifest).val, /`emial` is not among the manifest's `reads`; did you mean `email`\?/);
  assert.deepEqual(outcome((record) => ({ a: record.title }), [], manifest).val, []);
  assert.deepEqual(outcome((record) => ({ a: record.anything }), [], { reads: ["*"] }).val, []);
});

test("key and source stand beside the fields, and are none", () => {
  const seen = outcome((record) => ({ key: record.$key, source: record.$source, fields: Object.keys(record) }), [field("text", "x")]);
  assert.deepEqual(seen.val.map(({ value: { val } }) => val), [
    { tag: "text", val: "E1" }, { tag: "text", val: "hr" }, [{ tag: "text", val: "it" }],
  ]);
});

test("readers trim, read what people write, and name the field that is wrong", () => {
  const read = (reader, tag, val) => {
    let seen;
    outcome((record) => { seen = fields(record)[reader]("it"); return {}; }, [field(tag, val)]);
    return seen;
  };
  assert.equal(read("text", "text", "\u00a0 a b "), "a b");
  assert.equal(read("text", "integer", 1042), "1042");
  assert.equal(read("text", "decimal", 1e21), "1000000000000000000000");
  assert.equal(read("text", "decimal", 1.5e-7), "0.00000015");
  assert.equal(read("optionalText", "text", "\ufeff\u200b"), null);
  assert.equal(read("boolean", "text", " Yes "), true);
  assert.equal(read("integer", "text", " -42 "), -42);
  assert.equal(read("decimal", "text", "2.5"), 2.5);
  assert.equal(read("date", "text", "2024-02-29"), "2024-02-29");
  assert.equal(read("date", "date-time", "2024-03-01T08:00:00+02:00"), "2024-03-01T08:00:00+02:00");
  assert.deepEqual(read("many", "many", ["a", " ", " b"]), ["a", "b"]);
  assert.deepEqual(read("many", "text", " a "), ["a"]);
  const wrong = (reader, tag, val) => failure((record) => ({ a: fields(record)[reader]("it") }), [field(tag, val)]).val;
  assert.deepEqual(wrong("text", "text", " "), { field: "it", message: "is blank, and a value is needed" });
  assert.deepEqual(wrong("text", "many", ["a"]), { field: "it", message: "holds a list where text is needed" });
  assert.deepEqual(wrong("boolean", "text", "maybe"), { field: "it", message: "`maybe` is not a yes or a no" });
  assert.match(wrong("date", "text", "01.03.2024").message, /`01\.03\.2024` is not a date like/);
});

test("the context has settings with their defaults, and the run's moment", () => {
  const settings = { domain: { default: "example.com" }, strict: { default: true }, none: {} };
  const seen = outcome(
    (_, ctx) => ({ a: [ctx.setting("domain"), String(ctx.booleanSetting("strict")), String(ctx.setting("none")), ctx.today, ctx.now.toISOString()] }),
    [], { settings },
  );
  assert.deepEqual(seen.val[0].value.val.map(({ val }) => val), ["example.com", "true", "null", "2026-03-01", "2026-03-01T23:59:00.000Z"]);
  assert.match(failure((_, ctx) => ({ a: ctx.setting("domian") }), [], { settings }).val, /did you mean `domain`/);
  assert.equal(failure((_, ctx) => ({ a: ctx.requiredSetting("none") }), [], { settings }).val, "setting `none` has no value");
});

test("a wrong manifest is told when the module is built", () => {
  const wrong = (definition) => assert.throws(() => mapping({ name: "m", map: () => ({}), ...definition }), TypeError) ?? message(definition);
  const message = (definition) => {
    try {
      mapping({ name: "m", map: () => ({}), ...definition });
    } catch (error) {
      return error.message;
    }
    return undefined;
  };
  assert.match(wrong({ read: [] }), /`read` is nothing it takes; did you mean `reads`\?/);
  assert.match(wrong({ writes: "userName" }), /`writes` has to be a list of texts/);
  assert.match(wrong({ reuse: 0 }), /`reuse` has to be a number of records/);
  assert.match(wrong({ settings: { x: { defualt: 1 } } }), /`defualt`; did you mean `default`\?/);
  assert.match(wrong({ map: undefined }), /needs a function `map`, `defaults` or both/);
});

test("the manifest is what the contract wants", () => {
  const { about } = mapping({ name: "m", version: "1.2.3", reads: ["a"], writes: ["b"], lookups: ["c"], settings: { d: { default: 1, required: true } }, reuse: 5, map: () => ({}) });
  assert.deepEqual(about.describe(), {
    name: "m", version: "1.2.3", description: "", reads: ["a"], writes: ["b"], lookups: ["c"], reuse: 5,
    settings: [{ name: "d", description: "", required: true, default: "1" }],
  });
});

test("defaults see what was mapped, and whether an attribute is open", () => {
  const module = mapping({
    name: "m",
    writes: ["title", "locale", "nickName", `${URN}:floor`],
    defaults(_, ctx, mapped) {
      const offered = { title: "T", locale: "L", nickName: mapped.userName, [`${URN}:floor`]: "F" };
      return Object.fromEntries(Object.entries(offered).filter(([name]) => sdk.isOpen(mapped, name)));
    },
  });
  const mapped = { userName: "ada", Title: "x", locale: null, [URN]: { floor: "3" } };
  assert.deepEqual(runCase(module, { source: "hr", key: "1", fields: {}, mapped }), { nickName: "ada" });
  assert.equal(module.attributeMapping, undefined);
});

test("a look-up gets the fields that it names, and says why it did not work", () => {
  provideLookup({ source: "sites", key: "BER", fields: { city: "Berlin", rent: 1 } });
  const seen = outcome(() => {
    const site = lookup("sites", "BER", ["city"]);
    assert.throws(() => site.rent, /`rent` is not among the fields that the look-up names/);
    return { a: site.city, b: lookup("sites", "PAR", ["city"]) };
  });
  assert.deepEqual(seen.val.map(({ value: { tag } }) => tag), ["one", "clear"]);
  assert.match(failure(() => ({ a: lookup("salaries", "E1", ["x"]) })).val, /^source `salaries` is not granted to this module/);
  forgetLookups();
});

test("a case answers look-ups from its own tape", () => {
  const module = mapping({ name: "m", reads: ["id"], writes: ["a"], map: (record) => ({ a: lookup("d", record.id, ["n"])?.n }) });
  const run = (id, lookups) => runCase(module, { source: "hr", key: "1", fields: { id }, lookups });
  const lookups = [
    { source: "d", key: "D1", fields: ["n"], found: { n: "Research" } },
    { source: "d", key: "D2", fields: ["n"], found: null },
    { source: "d", key: "D3", fields: ["n"], unavailable: "the disk is gone" },
  ];
  assert.deepEqual(run("D1", lookups), { a: "Research" });
  assert.deepEqual(run("D2", lookups), {});
  assert.deepEqual(run("D3", lookups), { error: { kind: "lookup-failed", message: "source `d` could not be read: the disk is gone" } });
  assert.match(run("D9", lookups).error.message, /the case has no look-up of `D9` in `d`/);
});

test("a log line carries its details as text", () => {
  logs();
  log.warn("dropped", { field: "x", count: 2, list: [1], when: new Date(0) });
  assert.deepEqual(logs(), [
    { level: "warn", message: "dropped", fields: { field: "x", count: "2", list: "[1]", when: "1970-01-01T00:00:00.000Z" } },
  ]);
});

test("a case gives only declared fields, and fails when another attribute is set than declared", () => {
  const module = mapping({ name: "m", reads: ["name"], writes: ["userName"], map: (record) => ({ userName: Object.keys(record).join(), nick: record.name === "Bob" ? "B" : undefined }) });
  const run = (name) => runCase(module, { source: "hr", key: "1", fields: { name, title: "x" } });
  assert.deepEqual(run("Ada"), { userName: "name" });
  assert.throws(() => run("Bob"), /`nick` is set, but the manifest does not write it/);
});
