// From what a mapping returns to the contract's attributes, and back for default-values modules.
//
// Every mistake names its place: an author reads "`emails[1].value` holds a function", not a trap in the engine.

import { nearest, Unfit } from "./errors.js";
import { momentText, toDate } from "./values.js";

/** A value that plain JavaScript has no type for: `tag` is the contract's word. */
class Marked {
  constructor(tag, val) {
    this.tag = tag;
    this.val = val;
    Object.freeze(this);
  }
}

/** Removes an attribute at the provider, as null does. One that is left out, or undefined, is left alone. */
export const clear = new Marked("clear");

/** "The resource of that record": the host puts the provider's id there. `manager: { value: link("User", "E7") }`. */
export function link(resourceType, key) {
  if (key === undefined || key === null || key === "") throw new TypeError(`link("${resourceType}", …) needs a key`);
  return new Marked("link", { resourceType: String(resourceType), key: String(key) });
}

/** A URI as SCIM's type `reference`. */
export function reference(uri) {
  return new Marked("reference", String(uri));
}

/** A moment from RFC 3339 text. A Date is one already. */
export function dateTime(text) {
  return text instanceof Date ? text : new Marked("date-time", String(text));
}

/** A number as SCIM's type `decimal`, also where it is whole. */
export function decimal(number) {
  return new Marked("decimal", Number(number));
}

/** Any JSON, for schemas that nest deeper than SCIM says they may. */
export function json(value) {
  return new Marked("json", value);
}

/** What a mapping returned as the contract's list of attributes. */
export function toAttributes(returned, writes) {
  if (!isPlain(returned)) {
    const what = returned instanceof Promise ? "a promise; a mapping is a plain function, without async" : kindOf(returned);
    throw new Unfit(`the mapping returned ${what}, where an object of attributes is needed`);
  }
  const attributes = [];
  for (const [name, value] of Object.entries(returned)) {
    if (value === undefined) continue;
    const inside = extension(name, value, writes);
    if (inside) attributes.push(...inside);
    else attributes.push({ name: goodText(name, name), value: attributeValue(name, value) });
  }
  return attributes;
}

/**
 * The attributes of `{ "urn:…:User": { department: "x" } }` under their full names; undefined where the name is an
 * attribute's own, which the manifest tells. Null clears all that the manifest writes of the extension.
 */
function extension(name, value, writes) {
  if (!/^urn:/i.test(name)) return undefined;
  const lower = name.toLowerCase();
  if (writes.some((write) => write.toLowerCase() === lower)) return undefined;
  if (value === null || value === clear) {
    const inside = writes.filter((write) => write.toLowerCase().startsWith(`${lower}:`));
    if (inside.length === 0) return undefined;
    return inside.map((full) => ({ name: full, value: { tag: "clear" } }));
  }
  if (!isPlain(value)) return undefined;
  return Object.entries(value)
    .filter(([, part]) => part !== undefined)
    .map(([short, part]) => ({ name: `${name}:${short}`, value: attributeValue(`${name}:${short}`, part) }));
}

function attributeValue(place, value) {
  if (value === null || value === clear) return { tag: "clear" };
  if (value instanceof Marked && value.tag === "json") return { tag: "json", val: jsonText(place, value.val) };
  if (Array.isArray(value)) return listValue(place, value);
  if (isPlain(value)) {
    const parts = complex(place, value);
    return parts.length > 0 ? { tag: "complex", val: parts } : { tag: "clear" };
  }
  return { tag: "one", val: scalar(place, value) };
}

/** A list; items that are null or undefined are left out, and an empty list clears. */
function listValue(place, list) {
  const items = Array.from(list, (item, at) => [`${place}[${at}]`, item]).filter(([, item]) => !isNothing(item));
  const complexes = items.filter(([, item]) => isPlain(item));
  if (complexes.length === 0) {
    const scalars = items.map(([at, item]) => scalar(at, item));
    return scalars.length > 0 ? { tag: "many", val: scalars } : { tag: "clear" };
  }
  const simple = items.find(([, item]) => !isPlain(item));
  if (simple) throw unfit(simple[0], `${kindOf(simple[1])} among objects; a list holds one or the other`);
  const values = complexes.map(([at, item]) => complex(at, item)).filter((parts) => parts.length > 0);
  return values.length > 0 ? { tag: "complexes", val: values } : { tag: "clear" };
}

/** The parts of a complex value. Parts that are null or undefined are left out: the whole value is replaced. */
function complex(place, object) {
  const parts = [];
  for (const [name, value] of Object.entries(object)) {
    if (isNothing(value)) continue;
    const at = `${place}.${name}`;
    if (Array.isArray(value)) {
      const scalars = value.map((item, n) => [`${at}[${n}]`, item]).filter(([, item]) => !isNothing(item));
      if (scalars.length > 0) parts.push({ name, value: { tag: "many", val: scalars.map(([p, item]) => scalar(p, item)) } });
    } else {
      parts.push({ name: goodText(at, name), value: { tag: "one", val: scalar(at, value) } });
    }
  }
  return parts;
}

function scalar(place, value) {
  switch (typeof value) {
    case "string":
      return { tag: "text", val: goodText(place, value) };
    case "boolean":
      return { tag: "boolean", val: value };
    case "number":
      return number(place, value);
    case "bigint":
      return { tag: "integer", val: safeInteger(place, Number(value), value) };
    default:
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw unfit(place, "a Date that is no date (`Invalid Date`)");
    return { tag: "date-time", val: momentText(value) };
  }
  if (value instanceof Uint8Array) return { tag: "binary", val: value };
  if (value instanceof ArrayBuffer) return { tag: "binary", val: new Uint8Array(value) };
  if (value instanceof Marked) return marked(place, value);
  if (isPlain(value) || Array.isArray(value)) {
    throw unfit(place, `${kindOf(value)} nests deeper than SCIM allows (RFC 7643 §2.3.8); json(…) is the way around`);
  }
  throw unfit(place, `${kindOf(value)} is no SCIM value`);
}

function number(place, value) {
  if (!Number.isFinite(value)) throw unfit(place, `${value} is no SCIM value`);
  if (!Number.isInteger(value)) return { tag: "decimal", val: value };
  return { tag: "integer", val: safeInteger(place, value, value) };
}

function safeInteger(place, value, shown) {
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  throw unfit(place, `${shown} is a whole number beyond 2^53, which is not held exactly; give it as text, or as decimal(…)`);
}

function marked(place, { tag, val }) {
  switch (tag) {
    case "link":
      return { tag, val: { resourceType: goodText(place, val.resourceType), key: goodText(place, val.key) } };
    case "decimal":
      if (!Number.isFinite(val)) throw unfit(place, `decimal(${val}) is no SCIM value`);
      return { tag, val };
    case "json":
      throw unfit(place, "json(…) stands for a whole attribute, not for a part of one");
    case "clear":
      throw unfit(place, "clear stands for a whole attribute, not for a part of one");
    default:
      return { tag, val: goodText(place, val) };
  }
}

function jsonText(place, value) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw unfit(place, `json(…) cannot be written: ${error.message}`);
  }
  if (text === undefined) throw unfit(place, `json(…) of ${kindOf(value)} is no JSON`);
  return goodText(place, text);
}

function goodText(place, text) {
  if (text.isWellFormed()) return text;
  throw unfit(place, "a text with half a character in it: one outside the basic plane (an emoji, say) was cut in two");
}

const unfit = (place, problem) => new Unfit(`the mapping returned \`${place}\`: ${problem}`);

const isNothing = (value) => value === null || value === undefined;

function isPlain(value) {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function kindOf(value) {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return isPlain(value) ? "an object" : `a ${value.constructor?.name ?? "object"}`;
  return `a ${typeof value}`;
}

/**
 * The contract's list of attributes as an object in the form that a mapping returns. `scalar` says what becomes of the
 * values at its leaves.
 */
export function fromAttributes(attributes, scalar = fromScalar) {
  const object = {};
  for (const { name, value } of attributes) {
    const colon = /^urn:/i.test(name) ? name.lastIndexOf(":") : -1;
    if (colon < 0) object[name] = fromValue(value, scalar);
    else (object[name.slice(0, colon)] ??= {})[name.slice(colon + 1)] = fromValue(value, scalar);
  }
  return object;
}

function fromValue({ tag, val }, scalar) {
  const parts = (list) => Object.fromEntries(list.map((part) => [part.name, fromValue(part.value, scalar)]));
  switch (tag) {
    case "one":
      return scalar(val);
    case "many":
      return val.map(scalar);
    case "complex":
      return parts(val);
    case "complexes":
      return val.map(parts);
    case "json":
      return JSON.parse(val);
    default:
      return null;
  }
}

function fromScalar({ tag, val }) {
  switch (tag) {
    case "date-time":
      return toDate(val) ?? val;
    case "link":
      return link(val.resourceType, val.key);
    case "integer":
      return Number(val);
    default:
      return val;
  }
}

/** Whether an attribute is open for a default: neither set nor cleared. Names are compared without case. */
export function isOpen(mapped, name) {
  const same = (a, b) => a.toLowerCase() === b.toLowerCase();
  return !Object.entries(mapped).some(([known, value]) => {
    if (same(known, name)) return value !== undefined;
    if (!/^urn:/i.test(known) || value === null || typeof value !== "object") return false;
    return Object.entries(value).some(([short, part]) => part !== undefined && same(`${known}:${short}`, name));
  });
}

/** The enterprise extension of users (RFC 7643 §4.3). */
export const ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/** Full names of the enterprise extension's attributes: `writes: ["userName", ...enterprise("manager")]`. */
export function enterprise(...names) {
  return names.map((name) => `${ENTERPRISE_USER}:${name}`);
}

/** The declared name that an undeclared one was probably meant to be, as part of a sentence. */
export function didYouMean(name, known) {
  const meant = nearest(name, known);
  return meant ? `; did you mean \`${meant}\`?` : "";
}
