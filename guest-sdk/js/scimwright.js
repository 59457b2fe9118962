// scimwright for JavaScript: a mapping is a plain function from an object to an object.
//
//   import { mapping, skip } from "scimwright";
//
//   export const { about, attributeMapping } = mapping({
//     name: "people", version: "1.0.0", description: "Maps people to SCIM Users.",
//     reads: ["email", "given_name"], writes: ["userName", "name"],
//     map(record) {
//       if (!record.email) return skip("has no mail address");
//       return { userName: record.email, name: { givenName: record.given_name } };
//     },
//   });
//
// - mapping.js: the manifest and the glue to the contract
// - record.js: records and readers of their fields
// - convert.js: what a mapping returns, and its kinds of values
// - errors.js: skipping, refusing, and where a mistake was made
// - host.js: log and look-ups
// - functions.js: names, dates, telephone numbers and so on

export { mapping } from "./mapping.js";
export { fields } from "./record.js";
export { clear, dateTime, decimal, enterprise, ENTERPRISE_USER, isOpen, json, link, reference } from "./convert.js";
export { invalid, lookupFailed, MappingError, rejected, skip, Skip } from "./errors.js";
export { log, lookup } from "./host.js";
export * as functions from "./functions.js";
