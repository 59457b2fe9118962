// Ways for a mapping to end other than with attributes, and where in the author's files a mistake was made.
//
// `skip`, `invalid`, `rejected` and `lookupFailed` throw by themselves. So `throw invalid(…)`, `return skip(…)`,
// `value ?? invalid(…)` and a bare call all end the mapping, and a forgotten `return` cannot let a record through.

/** The record is out of scope. */
export class Skip extends Error {
  constructor(reason) {
    super(String(reason));
    this.name = "Skip";
    this.reason = String(reason);
  }
}

/** The record cannot be mapped, for a reason of the contract: `kind` is its word for it. */
export class MappingError extends Error {
  constructor(kind, message, field) {
    super(String(message));
    this.name = "MappingError";
    this.kind = kind;
    this.field = field;
  }
}

/** What the mapping returned cannot cross. The message names the place in it; there is none in a file. */
export class Unfit extends Error {}

/** Leaves the record out of scope, for this reason. */
export function skip(reason) {
  throw new Skip(reason);
}

/** The record is at fault: `invalid("email", "has no @")`, or `invalid("…")` where no single field is. */
export function invalid(field, message) {
  throw message === undefined
    ? new MappingError("invalid-record", field)
    : new MappingError("invalid-record", message, String(field));
}

/** The mapping refuses the record by a rule of its own. */
export function rejected(message) {
  throw new MappingError("rejected", message);
}

/** A look-up that the mapping needs did not work. */
export function lookupFailed(message) {
  throw new MappingError("lookup-failed", message);
}

/** What was thrown, as the contract's `mapping-error`. */
export function toMappingError(thrown) {
  if (thrown instanceof MappingError) {
    const message = wellFormed(thrown.message);
    switch (thrown.kind) {
      case "invalid-record":
        return { tag: "invalid-record", val: { field: thrown.field ?? null, message } };
      case "lookup-failed":
      case "rejected":
        return { tag: thrown.kind, val: message };
      default:
        return { tag: "other", val: message };
    }
  }
  return { tag: "other", val: wellFormed(describe(thrown)) };
}

/** `TypeError: cannot read property 'trim' of null (mapping.js:12)`. */
export function describe(thrown) {
  if (!(thrown instanceof Error)) {
    return `the mapping threw ${typeof thrown === "string" ? thrown : printable(thrown)}`;
  }
  if (thrown instanceof Unfit) return thrown.message;
  const name = thrown.name && thrown.name !== "Error" ? `${thrown.name}: ` : "";
  const place = placeOf(thrown);
  return `${name}${thrown.message}${place ? ` (${place})` : ""}`;
}

const FRAME = /\(?((?:file:\/\/)?[^\s()]+\.[cm]?[jt]s):(\d+)(?::\d+)?\)?\s*$/;
const OWN_FILES = new Set([
  "scimwright.js", "mapping.js", "convert.js", "record.js", "errors.js", "host.js", "values.js", "functions.js", "testing.js",
]);
const OWN_FOLDER = folderOf(new Error("where am I").stack);

/** The author's file and line in a stack: the innermost frame that is not the SDK's. */
function placeOf(error) {
  for (const line of String(error.stack ?? "").split("\n")) {
    const found = FRAME.exec(line);
    if (!found || found[1].startsWith("node:")) continue;
    const [, file, number] = found;
    const slash = file.lastIndexOf("/") + 1;
    if (file.slice(0, slash) === OWN_FOLDER && OWN_FILES.has(file.slice(slash))) continue;
    if (file.slice(0, slash) === `${OWN_FOLDER}functions/`) continue;
    // In a component paths begin at the project's folder; elsewhere the file's name has to do.
    return `${file.startsWith("file:") || !file.startsWith("/") ? file.slice(slash) : file.slice(1)}:${number}`;
  }
  return undefined;
}

function folderOf(stack) {
  for (const line of String(stack).split("\n")) {
    const found = FRAME.exec(line);
    if (found) return found[1].slice(0, found[1].lastIndexOf("/") + 1);
  }
  return undefined;
}

/** Text that can cross the border: half a surrogate pair has no UTF-8. */
export function wellFormed(text) {
  return String(text).toWellFormed();
}

function printable(value) {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

/** The name among `known` that was probably meant. */
export function nearest(name, known) {
  let best;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
