// Every function answers what guest-sdk/functions.json says, as it does in Rust and Python.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as functions from "../functions.js";
import { COUNTRIES, DIACRITICS, LANGUAGES, LETTERS } from "../functions/tables.js";

const shared = (name) => JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), "utf8"));
const camelCase = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

for (const { name, cases, absent } of shared("functions.json").functions) {
  const run = functions[camelCase(name)];
  test(`${name} answers what every SDK answers`, () => {
    assert.equal(typeof run, "function");
    for (const { args, result, error } of cases) {
      const call = `${name}(${JSON.stringify(args).slice(1, -1)})`;
      if (error !== undefined) {
        assert.throws(() => run(...args), (thrown) => thrown.message.includes(error) || assert.fail(thrown.message), call);
      } else {
        assert.deepEqual(run(...args), result, call);
      }
    }
    if (absent !== "handled") {
      assert.equal(run(null, ...cases[0].args.slice(1)), null);
      assert.equal(run(undefined, ...cases[0].args.slice(1)), null);
    }
  });
}

test("there is no function that the others do not have", () => {
  const known = shared("functions.json").functions.map(({ name }) => camelCase(name));
  assert.deepEqual(Object.keys(functions).sort(), known.sort());
});

test("the tables are those that every SDK has", () => {
  const { letters, languages, diacritics } = shared("transliteration.json");
  assert.deepEqual({ LETTERS, LANGUAGES, DIACRITICS }, { LETTERS: letters, LANGUAGES: languages, DIACRITICS: diacritics });
  const rows = shared("countries.json").countries.map(({ alpha2, alpha3, numeric, name, also = [] }) => [alpha2, alpha3, numeric, name, ...also]);
  assert.deepEqual(COUNTRIES, rows);
});
