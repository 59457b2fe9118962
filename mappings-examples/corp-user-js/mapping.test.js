import assert from "node:assert/strict";
import { test } from "node:test";
import { loadMapping, logs, runCase, runCases } from "../../guest-sdk/js/testing.js";

const module = await loadMapping(new URL("./mapping.js", import.meta.url));

test("every case maps as expected", () => {
  runCases(module, new URL("./cases/", import.meta.url)).assert();
});

test("what is dropped is told with its field and value", () => {
  logs();
  runCase(module, {
    source: "hr",
    key: "E1",
    fields: { email: "ada@example.com", mobile: "n/a", locale: "German", manager_id: "E1" },
  });
  assert.deepEqual(logs(), [
    { level: "warn", message: "dropped what is no telephone number", fields: { field: "mobile", value: "n/a" } },
    { level: "warn", message: "dropped what is no language tag", fields: { field: "locale", value: "German" } },
    { level: "warn", message: "nobody is their own manager", fields: { field: "manager_id", value: "E1" } },
  ]);
});
