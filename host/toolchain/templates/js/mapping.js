// Maps people to SCIM Users.
import { fields, invalid, mapping } from "scimwright";

export const { about, attributeMapping } = mapping({
  name: "my-mapping",
  version: "0.1.0",
  description: "Maps people to SCIM Users.",
  // The host passes these fields of a record and no others.
  reads: ["given_name", "family_name", "email", "status"],
  // Returning another attribute is an error.
  writes: ["externalId", "userName", "name", "emails", "active"],

  map(record) {
    const read = fields(record);
    // Blank or missing: an error that names the field, and the record waits until somebody corrects it.
    const email = read.text("email").toLowerCase();
    if (!email.includes("@")) throw invalid("email", `\`${email}\` is not a mail address`);
    return {
      externalId: record.$key,
      userName: email,
      // What is undefined is left alone at the provider; null would clear it.
      name: { givenName: read.optionalText("given_name"), familyName: read.optionalText("family_name") },
      emails: [{ value: email, type: "work", primary: true }],
      active: read.optionalText("status") !== "left",
    };
  },
});
