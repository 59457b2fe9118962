// The two things that a module may ask of its host: a line in the log, a record of another source.
//
// In a component they are the contract's imports. Elsewhere, under Node above all, those do not exist, and
// testing.js puts its own in their place.

import { MappingError, wellFormed } from "./errors.js";
import { toRecord } from "./record.js";

const host = { log: undefined, lookup: undefined };

try {
  host.log = (await import("scimwright:mapping/log")).log;
  host.lookup = (await import("scimwright:mapping/lookup")).lookup;
} catch {
  // Not in a component. A call of a look-up says so; a log line goes nowhere.
}

/** Puts others in the place of the host's functions, for tests. */
export function setHost(functions) {
  Object.assign(host, functions);
}

function write(level, message, details) {
  const fields = Object.entries(details ?? {}).map(([name, value]) => [wellFormed(name), readable(value)]);
  host.log?.(level, wellFormed(message), fields);
}

function readable(value) {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "no valid date" : value.toISOString();
  if (typeof value !== "object" || value === null) return wellFormed(String(value));
  try {
    return wellFormed(JSON.stringify(value) ?? String(value));
  } catch {
    return wellFormed(String(value));
  }
}

/** The module's voice in the host's log: `log.warn("no such site", { site: record.site })`. */
export const log = Object.freeze({
  trace: (message, details) => write("trace", message, details),
  debug: (message, details) => write("debug", message, details),
  info: (message, details) => write("info", message, details),
  warn: (message, details) => write("warn", message, details),
  error: (message, details) => write("error", message, details),
});

// QuickJS has no console, and everybody reaches for it first.
if (typeof globalThis.console === "undefined") {
  const line = (level) => (...parts) => write(level, parts.map(readable).join(" "));
  globalThis.console = {
    log: line("info"), info: line("info"), warn: line("warn"), error: line("error"), debug: line("debug"), trace: line("trace"),
  };
}

/**
 * Finds the record with this key in another source, cut down to the fields named; null where there is none.
 * The source has to stand in the manifest's `lookups` and in the configuration's `grants`.
 */
export function lookup(source, key, fields) {
  if (!host.lookup) {
    throw new MappingError("lookup-failed", `source \`${source}\` cannot be read: no host answers look-ups here`);
  }
  const names = Array.from(fields ?? [], String);
  let found;
  try {
    found = host.lookup(wellFormed(source), wellFormed(key), names.map(wellFormed));
  } catch (thrown) {
    const error = thrown?.payload ?? thrown;
    switch (error?.tag) {
      case "not-granted":
        throw new MappingError(
          "lookup-failed",
          `source \`${source}\` is not granted to this module; name it in the module's \`grants.lookups\``,
        );
      case "unavailable":
        throw new MappingError("lookup-failed", `source \`${source}\` could not be read: ${error.val}`);
      default:
        throw thrown;
    }
  }
  return found ? toRecord(found, names, "the fields that the look-up names") : null;
}
