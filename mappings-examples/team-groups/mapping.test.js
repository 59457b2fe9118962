import assert from "node:assert/strict";
import { test } from "node:test";
import { loadMapping, logs, runCase, runCases } from "../../guest-sdk/js/testing.js";

const module = await loadMapping(new URL("./mapping.js", import.meta.url));

test("every case maps as expected", () => {
  runCases(module, new URL("./cases/", import.meta.url)).assert();
});

test("a team that is its own subteam is told", () => {
  logs();
  runCase(module, { source: "teams", key: "T1", fields: { name: "One", subteams: "T1;T2" } });
  assert.deepEqual(logs(), [
    { level: "warn", message: "a team is no part of itself", fields: { field: "subteams", value: "T1" } },
  ]);
});
