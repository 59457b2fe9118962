import assert from "node:assert/strict";
import { test } from "node:test";
import { loadMapping, runCase, runCases } from "../../guest-sdk/js/testing.js";

const module = await loadMapping(new URL("./mapping.js", import.meta.url));
const { BASE, TENANTS } = await import("./tenants.js");

test("every case maps as expected", () => {
  runCases(module, new URL("./cases/", import.meta.url)).assert();
});

test("a tenant overrides only rules that there are", () => {
  for (const [tenant, rules] of Object.entries(TENANTS)) {
    for (const rule of Object.keys(rules)) assert.ok(rule in BASE, `${tenant}: ${rule}`);
  }
});

test("every tenant can map somebody", () => {
  const fields = { given_name: "Ada", family_name: "Lovelace", email: "ada@example.com" };
  for (const tenant of Object.keys(TENANTS)) {
    const resource = runCase(module, { source: "hr", key: "E1", fields, context: { tenant } });
    assert.ok(resource.userName, `${tenant}: ${JSON.stringify(resource)}`);
  }
});
