import assert from "node:assert/strict";
import { test } from "node:test";
import { loadMapping, logs, runCase, runCases } from "../../guest-sdk/js/testing.js";

const module = await loadMapping(new URL("./mapping.js", import.meta.url));
const { phoneNumber } = await import("./phone.js");

test("every case maps as expected", () => {
  runCases(module, new URL("./cases/", import.meta.url)).assert();
});

test("each country has its own habit of dialling", () => {
  const numbers = [
    ["030 901820", "DE", "+4930901820"],
    ["(212) 555-0100", "US", "+12125550100"],
    ["1 (212) 555-0100", "US", "+12125550100"],
    ["8 (495) 123-45-67", "RU", "+74951234567"],
    ["812 123-45-67", "RU", "+78121234567"],
    ["06 1 234 5678", "HU", "+3612345678"],
    ["06 1234567", "IT", "+39061234567"],
    ["07 12 34 56 78", "CI", "+2250712345678"],
    ["91 123 45 67", "ES", "+34911234567"],
    ["+44 20 7946 0000", "DE", "+442079460000"],
    ["0044 (0)20 7946 0000 ext. 7", "US", "+442079460000"],
    ["4711", "DE", "4711"],
    ["030 901820", null, "030901820"],
    ["n/a", "DE", null],
  ];
  for (const [text, country, number] of numbers) {
    assert.equal(phoneNumber(text, country), number, `${text} in ${country}`);
  }
});

test("what is dropped is told with its field and value", () => {
  logs();
  runCase(module, { source: "hr", key: "E1", fields: { work_country: "Atlantis", fax: "ask Joe" } });
  assert.deepEqual(logs().map(({ message, fields }) => [message, fields.field, fields.value]), [
    ["dropped what is no country", "work_country", "Atlantis"],
    ["this is no telephone number", "fax", "ask Joe"],
  ]);
});
