// The record as a plain object, and readers of its fields.
//
// A field is a property. Reading a name that is not declared is a mistake and says so: the host passes only what
// the manifest's `reads` has, so a misspelt name would otherwise look like a blank field for ever.

import { MappingError, nearest } from "./errors.js";
import { parse } from "./functions/moments.js";
import { parseBoolean, parseInteger } from "./functions/numbers.js";
import { momentText, numberText, present, toDate } from "./values.js";

/** The contract's `source-record` as an object of its fields. `declared` are the names that may be read. */
export function toRecord(source, declared, where = "the manifest's `reads`") {
  const record = Object.create(null);
  for (const { name, value } of source.fields) defineField(record, name, value);
  Object.defineProperty(record, "$key", { value: source.key });
  Object.defineProperty(record, "$source", { value: source.source });
  if (declared.includes("*")) return record;
  return new Proxy(record, {
    get(target, name) {
      if (name in target || typeof name === "symbol" || declared.includes(name) || name === "toJSON") {
        return target[name];
      }
      const meant = nearest(name, declared);
      throw new Error(`\`${name}\` is not among ${where}${meant ? `; did you mean \`${meant}\`?` : ""}`);
    },
  });
}

function defineField(record, name, value) {
  const plain = fieldValue(value);
  if (plain === undefined) {
    // Only whoever reads the field has to know: a mapping that does not need it goes on.
    const why = value.tag === "integer"
      ? "holds a whole number beyond 2^53, which JavaScript cannot hold exactly; let the source give it as text"
      : `holds \`${value.val}\`, which JavaScript cannot read as ${value.tag === "json" ? "JSON" : "a moment"}`;
    const get = () => {
      throw new MappingError("invalid-record", why, name);
    };
    Object.defineProperty(record, name, { get, enumerable: true });
  } else {
    record[name] = plain;
  }
}

function fieldValue(value) {
  switch (value.tag) {
    case "null":
      return null;
    case "integer": {
      const number = Number(value.val);
      return Number.isSafeInteger(number) ? number : undefined;
    }
    case "date-time":
      return toDate(value.val);
    case "binary":
      return value.val instanceof Uint8Array ? value.val : Uint8Array.from(value.val);
    case "json":
      try {
        return JSON.parse(value.val);
      } catch {
        return undefined;
      }
    default:
      return value.val;
  }
}

function parseDecimal(text) {
  const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  return Number.isFinite(number) ? number : null;
}

function kindOf(value) {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return "a list";
  return value instanceof Uint8Array ? "bytes" : "JSON";
}

function excerpt(text) {
  const letters = Array.from(text);
  return letters.length > 60 ? `${letters.slice(0, 60).join("")}…` : text;
}

/**
 * Readers of a record's fields as what the mapping needs. Each comes twice: `text("email")` for a field that has
 * to have a value, `optionalText("email")` for one that may be blank, which is null then and so clears the attribute it
 * is given to (`?? undefined` leaves it alone). Blank is null, the empty text, white space of any kind, and a field
 * that the source left out. What is wrong throws `invalid`.
 */
export function fields(record) {
  return new Fields(record);
}

class Fields {
  #record;

  constructor(record) {
    this.#record = record;
  }

  optionalText(name) {
    const value = this.#record[name];
    switch (typeof value) {
      case "string":
        return present(value);
      case "boolean":
        return String(value);
      case "number":
        return numberText(value);
      default:
        if (value === null || value === undefined) return null;
        if (value instanceof Date) return momentText(value);
        throw unfit(name, value, "text");
    }
  }

  optionalBoolean(name) {
    const value = this.#record[name];
    return typeof value === "boolean" ? value : this.#parsed(name, "a yes or a no", parseBoolean);
  }

  optionalInteger(name) {
    return this.#parsed(name, "a whole number", parseInteger);
  }

  optionalDecimal(name) {
    return this.#parsed(name, "a number", parseDecimal);
  }

  optionalDate(name) {
    const wanted = "a date like 2024-03-01 or a moment like 2024-03-01T08:00:00Z";
    return this.#parsed(name, wanted, (text) => (parse(text) ? text : null));
  }

  many(name) {
    const value = this.#record[name];
    if (Array.isArray(value) && kindOf(value) === "a list") return value.map(present).filter((text) => text !== null);
    const text = this.optionalText(name);
    return text === null ? [] : [text];
  }

  text(name) {
    return this.#required(name, this.optionalText(name));
  }

  boolean(name) {
    return this.#required(name, this.optionalBoolean(name));
  }

  integer(name) {
    return this.#required(name, this.optionalInteger(name));
  }

  decimal(name) {
    return this.#required(name, this.optionalDecimal(name));
  }

  date(name) {
    return this.#required(name, this.optionalDate(name));
  }

  #parsed(name, wanted, parse) {
    const text = this.optionalText(name);
    if (text === null) return null;
    const value = parse(text);
    if (value === null) throw new MappingError("invalid-record", `\`${excerpt(text)}\` is not ${wanted}`, name);
    return value;
  }

  #required(name, value) {
    if (value !== null) return value;
    const message = name in this.#record
      ? "is blank, and a value is needed"
      : "is missing, and a value is needed (a module gets only fields that its manifest reads)";
    throw new MappingError("invalid-record", message, name);
  }
}

function unfit(name, value, wanted) {
  return new MappingError("invalid-record", `holds ${kindOf(value)} where ${wanted} is needed`, name);
}
