// For tests under Node: golden cases, log lines and look-ups, without a Wasm runtime.
//
//   import { test } from "node:test";
//   import { loadMapping, runCases } from "./sdk/testing.js";
//
//   const module = await loadMapping(new URL("./mapping.js", import.meta.url));
//   test("every case maps as expected", () => runCases(module, new URL("./cases/", import.meta.url)).assert());
//
// A case goes through everything that the component does, the contract's values included; only the engine and
// the sandbox are others. It never runs in a component: QuickJS has no `node:` modules.

import { readdirSync, readFileSync } from "node:fs";
import { register } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { fromAttributes } from "./convert.js";
import { setHost } from "./host.js";

/** `import … from "scimwright"` means this SDK, in whatever folder it lies. */
const RESOLVER = `
  let sdk;
  export function initialize(url) { sdk = url; }
  export function resolve(name, context, next) {
    return name === "scimwright" ? { url: sdk, shortCircuit: true } : next(name, context);
  }`;
register(`data:text/javascript,${encodeURIComponent(RESOLVER)}`, import.meta.url, {
  data: new URL("./scimwright.js", import.meta.url).href,
});

let lines = [];
let granted = [];
let tape;

setHost({
  log: (level, message, fields) => lines.push({ level, message, fields: Object.fromEntries(fields) }),
  lookup: answer,
});

function answer(source, key, fields) {
  if (tape) return fromTape(tape, source, key, fields);
  const records = granted.filter((record) => record.source === source);
  if (records.length === 0) throw { tag: "not-granted", val: source };
  const found = records.find((record) => record.key === key);
  return found ? toSource({ ...found, fields: pick(found.fields, fields) }) : null;
}

/** The answer of a case's own look-ups: the same question, else unavailable. */
function fromTape(lookups, source, key, fields) {
  const same = (entry) => entry.source === source && entry.key === key && [...(entry.fields ?? [])].sort().join("\0") === [...fields].sort().join("\0");
  const entry = lookups.find(same) ?? lookups.find((other) => other.source === source && other.key === key && !other.fields);
  if (!entry) throw { tag: "unavailable", val: `the case has no look-up of \`${key}\` in \`${source}\` with these fields` };
  if (entry.unavailable !== undefined) throw { tag: "unavailable", val: entry.unavailable };
  return entry.found ? toSource({ source, key, fields: entry.found, types: entry.types }) : null;
}

function pick(object, names) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => names.includes(name)));
}

/** Imports a mapping, so that its `import … from "scimwright"` finds this SDK. */
export function loadMapping(file) {
  return import(file instanceof URL ? file.href : pathToFileURL(file).href);
}

/** Takes the lines that were logged since they were last asked for: `{ level, message, fields }`. */
export function logs() {
  const taken = lines;
  lines = [];
  return taken;
}

/** Lets look-ups find a record, `{ source, key, fields }`. Its source counts as granted from now on. */
export function provideLookup(record) {
  granted.push(record);
}

/** Takes back what was provided. */
export function forgetLookups() {
  granted = [];
}

/** Runs one case and tells what came out: the resource, `{ skip }` or `{ error }`, as golden cases have it. */
export function runCase(module, input) {
  const manifest = module.about.describe();
  const all = manifest.reads.includes("*");
  const source = toSource(all ? input : { ...input, fields: pick(input.fields, manifest.reads) });
  tape = input.lookups;
  try {
    const ctx = toContext(input.context ?? {});
    if (module.attributeMapping) {
      const outcome = module.attributeMapping.map(ctx, source);
      return outcome.tag === "skip" ? { skip: outcome.val } : resource(outcome.val, manifest);
    }
    return resource(module.defaultValues.defaults(ctx, source, toMapped(input.mapped ?? {})), manifest);
  } catch (error) {
    if (typeof error?.tag !== "string") throw error;
    return { error: errorJson(error) };
  } finally {
    tape = undefined;
  }
}

function errorJson({ tag, val }) {
  if (tag !== "invalid-record") return { kind: tag, message: val };
  return val.field === null ? { kind: tag, message: val.message } : { kind: tag, field: val.field, message: val.message };
}

/** Runs every golden case of a folder. A folder without any is an error and not a success. */
export function runCases(module, folder) {
  const path = folder instanceof URL ? fileURLToPath(folder) : folder;
  const names = readdirSync(path).filter((file) => file.endsWith(".record.json")).map((file) => file.slice(0, -12)).sort();
  if (names.length === 0) throw new Error(`${path}: there is no case; a case is a NAME.record.json with a NAME.expected.json`);
  const report = new CaseReport();
  for (const name of names) {
    const input = readJson(join(path, `${name}.record.json`));
    const expected = input.expected ?? readJson(join(path, `${name}.expected.json`));
    const actual = runCase(module, input);
    const difference = firstDifference("", expected, actual);
    if (difference === undefined) report.passed.push(name);
    else report.failed.push({ name, difference, actual });
  }
  return report;
}

/** What became of the cases of a folder. */
export class CaseReport {
  passed = [];
  failed = [];

  toString() {
    const failures = this.failed.map(
      ({ name, difference, actual }) => `\n${name}: ${difference}\nwhat came out: ${JSON.stringify(actual, null, 2)}\n`,
    );
    return `${this.passed.length} cases passed, ${this.failed.length} failed\n${failures.join("")}`;
  }

  /** Throws with every failure unless all cases passed. */
  assert() {
    if (this.failed.length > 0) throw new Error(this.toString());
  }
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file}: ${error.message}`);
  }
}

const CONTEXT = { tenant: "default", provider: "acme", resource_type: "User", operation: "preview", now: "2026-01-01T00:00:00Z" };

function toContext(given) {
  const { settings = {}, ...rest } = given;
  for (const name of Object.keys(rest)) {
    if (!(name in CONTEXT)) throw new Error(`context.${name}: is nothing that a context has`);
  }
  const { resource_type: resourceType, ...others } = { ...CONTEXT, ...rest };
  return { ...others, resourceType, settings: Object.entries(settings).map(([name, value]) => [name, String(value)]) };
}

function toSource({ source, key, fields, types = {} }) {
  for (const [what, value] of Object.entries({ source, key })) {
    if (typeof value !== "string") throw new Error(`${what}: ${value === undefined ? "is missing" : "is not a text"}`);
  }
  if (typeof fields !== "object" || fields === null) throw new Error("fields: is not an object of field names and values");
  return { source, key, fields: Object.entries(fields).map(([name, value]) => ({ name, value: toField(value, types[name]) })) };
}

function toField(value, type) {
  if (value === null) return { tag: "null" };
  switch (type ?? impliedType(value)) {
    case "binary":
      return { tag: "binary", val: new Uint8Array(Buffer.from(value, "base64")) };
    case "json":
      return { tag: "json", val: JSON.stringify(value) };
    default:
      return { tag: type ?? impliedType(value), val: value };
  }
}

function impliedType(value) {
  if (typeof value === "string") return "text";
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number") return Number.isSafeInteger(value) ? "integer" : "decimal";
  return Array.isArray(value) && value.every((item) => typeof item === "string") ? "many" : "json";
}

/** The resource that a list of attributes stands for: null for what is cleared, `$link` for links. */
function resource(attributes, manifest) {
  const declared = manifest.writes.map((name) => name.toLowerCase());
  for (const { name } of attributes) {
    if (!declared.includes(name.toLowerCase())) {
      throw new Error(`\`${name}\` is set, but the manifest does not write it`);
    }
  }
  return fromAttributes(attributes, scalarJson);
}

function scalarJson({ tag, val }) {
  if (tag === "link") return { $link: `${val.resourceType}/${val.key}` };
  return tag === "binary" ? Buffer.from(val).toString("base64") : val;
}

/** The attributes that the `mapped` of a case stands for. */
function toMapped(object) {
  return Object.entries(object).flatMap(([name, value]) => {
    if (!/^urn:/i.test(name) || value === null) return [{ name, value: toValue(value) }];
    return Object.entries(value).map(([short, part]) => ({ name: `${name}:${short}`, value: toValue(part) }));
  });
}

function toValue(value) {
  const isComplex = (item) => typeof item === "object" && item !== null && !("$link" in item);
  const parts = (object) =>
    Object.entries(object).map(([name, part]) => ({
      name,
      value: Array.isArray(part) ? { tag: "many", val: part.map(toScalar) } : { tag: "one", val: toScalar(part) },
    }));
  if (value === null) return { tag: "clear" };
  if (Array.isArray(value)) {
    return value.some(isComplex) ? { tag: "complexes", val: value.map(parts) } : { tag: "many", val: value.map(toScalar) };
  }
  return isComplex(value) ? { tag: "complex", val: parts(value) } : { tag: "one", val: toScalar(value) };
}

function toScalar(value) {
  if (typeof value === "object") {
    const [resourceType, ...key] = value.$link.split("/");
    return { tag: "link", val: { resourceType, key: key.join("/") } };
  }
  return { tag: impliedType(value), val: value };
}

/** The first place where two values differ, in words. Objects are compared without regard to order. */
function firstDifference(place, expected, actual) {
  const inside = (name) => (place === "" ? String(name) : `${place}.${name}`);
  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (isObject(expected) && isObject(actual)) {
    for (const name of Object.keys(expected)) if (!Object.hasOwn(actual, name)) return `\`${inside(name)}\` is missing`;
    for (const name of Object.keys(actual)) if (!Object.hasOwn(expected, name)) return `\`${inside(name)}\` is not expected`;
    return first(Object.keys(expected), (name) => firstDifference(inside(name), expected[name], actual[name]));
  }
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length) {
    return first(expected.keys(), (at) => firstDifference(inside(at), expected[at], actual[at]));
  }
  if (expected === actual) return undefined;
  return `\`${place}\` is ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`;
}

function first(items, find) {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
