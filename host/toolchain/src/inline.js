// One module of the inline scripts of a resource's attribute rows.
//
// Each script is compiled here by itself, while the module is built and before its snapshot is taken. It is tried as
// an expression first; what is none is a function body, and gives what it returns.

import * as sdk from "scimwright";
import { name, rows } from "./rows.js";

// What a script can use by name. Look-ups take a declaration in a manifest, which a script does not have.
const { mapping, lookup, lookupFailed, ...offered } = sdk;
const names = Object.keys(offered).filter((name) => name !== "default");
const sourceOf = Function.prototype.call.bind(Function.prototype.toString);

/** The function that this source is, and nothing more: a text that closes a bracket it did not open is none. */
function functionOf(source) {
  const whole = `(${names.join(", ")}) => (${source})`;
  const made = (0, eval)(`"use strict"; (${whole})`);
  if (typeof made === "function" && sourceOf(made) === whole) {
    const script = made(...names.map((name) => offered[name]));
    if (typeof script === "function" && sourceOf(script) === source) return script;
  }
  throw new SyntaxError("its brackets do not match");
}

function compile({ row, text }) {
  let asExpression;
  try {
    // People end an expression with a semicolon.
    return functionOf(`(record, ctx) => (\n${text.replace(/[;\s]+$/, "")}\n)`);
  } catch (error) {
    asExpression = error;
  }
  if (!/\b(return|throw)\b/.test(text)) {
    throw mistake(row, text, asExpression, "a script without a `return` has to be an expression");
  }
  try {
    return functionOf(`function (record, ctx) {\n${text}\n}`);
  } catch (error) {
    throw mistake(row, text, error);
  }
}

/** A mistake in a script, in the form that the tool which runs this build reads. */
function mistake(row, text, error, hint) {
  const place = placeIn(error);
  const message = hint ? `${error.message}; ${hint}` : error.message;
  // The line after the last is ours: it closes what the script left open.
  if (place && place.line > text.split("\n").length) {
    return described({ row, message: `it ends too early: ${message}` });
  }
  return described({ row, ...place, message });
}

function described(mistake) {
  return new Error(`scimwright-inline-script: ${JSON.stringify(mistake)}`);
}

/** Where in a script an error was made. The script begins on the second line of what was compiled. */
function placeIn(error) {
  const found = /<input>:(\d+):(\d+)/.exec(error?.stack ?? "");
  return found && { line: Number(found[1]) - 1, column: Number(found[2]) };
}

const scripts = rows.map((row) => ({ row: row.row, run: compile(row) }));

/** What a script threw, with its row. */
function inRow(row, thrown) {
  if (thrown instanceof sdk.Skip) return thrown;
  if (thrown instanceof sdk.MappingError) {
    return new sdk.MappingError(thrown.kind, `row \`${row}\`: ${thrown.message}`, thrown.field);
  }
  if (!(thrown instanceof Error)) return new sdk.MappingError("other", `row \`${row}\`: it threw ${String(thrown)}`);
  const place = placeIn(thrown);
  const where = place ? ` (line ${place.line})` : "";
  return new sdk.MappingError("other", `row \`${row}\`: ${thrown.name}: ${thrown.message}${where}`);
}

const module = mapping({
  name,
  version: "1.0.0",
  description: `Inline scripts: ${rows.map((row) => row.row).join(", ")}.`,
  reads: ["*"],
  writes: rows.map((_, index) => `row${index}`),
  map(record, ctx) {
    // What one script did to the record would be a riddle in another.
    Object.freeze(record);
    const attributes = {};
    for (const [index, { row, run }] of scripts.entries()) {
      try {
        attributes[`row${index}`] = run(record, ctx);
      } catch (thrown) {
        throw inRow(row, thrown);
      }
    }
    return attributes;
  },
});

export const about = module.about;
export const attributeMapping = {
  map(ctx, source) {
    try {
      return module.attributeMapping.map(ctx, source);
    } catch (error) {
      // A value that cannot cross is told by its attribute, which nobody outside knows.
      if (error?.tag === "other") {
        error.val = error.val.replace(/`row(\d+)\b/g, (_, index) => `\`${rows[index]?.row}`);
      }
      throw error;
    }
  },
};
