// The benchmark's mapping in JavaScript: the rules of ../../workload, written as an author would.

import { mapping, invalid } from "scimwright";

const ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

export const { about, attributeMapping } = mapping({
  name: "bench-user-js",
  version: "0.1.0",
  description: "Maps 12 fields of a person to 8 attributes of a SCIM User.",
  reads: [
    "given_name", "family_name", "preferred_name", "email", "phone", "mobile",
    "job_title", "grade", "department", "division", "employed", "starts_at",
  ],
  writes: [
    "userName", "name", "displayName", "emails", "phoneNumbers", "active", "title", `${ENTERPRISE}:department`,
  ],
  reuse: 1000,
  map(record, ctx) {
    const email = emailAddress(record.email);
    if (!email) throw invalid("email", `is \`${record.email}\`, which is not a mail address`);
    const given = name(record.given_name);
    const family = name(record.family_name);
    const preferred = name(record.preferred_name);
    const phones = [
      { value: phoneNumber(record.phone), type: "work" },
      { value: phoneNumber(record.mobile), type: "mobile" },
    ];
    return {
      userName: email,
      name: { formatted: joined(given, " ", family), familyName: family, givenName: given },
      displayName: joined(preferred || given, " ", family),
      emails: [{ value: email, type: "work", primary: true }],
      phoneNumbers: phones.filter((phone) => phone.value),
      active: record.employed && record.starts_at <= ctx.now,
      title: `${record.job_title.trim()}, grade ${record.grade}`,
      [ENTERPRISE]: { department: joined(record.division.trim(), ": ", record.department.trim()) },
    };
  },
});

function name(text) {
  return text.trim().split(/\s+/).join(" ");
}

function joined(first, between, second) {
  return first && second ? first + between + second : first + second;
}

function emailAddress(text) {
  const address = text.trim();
  return /^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$/.test(address) ? address.toLowerCase() : undefined;
}

function phoneNumber(text) {
  const digits = text.trim().replace("(0)", "").replace(/[ \-./()]/g, "").replace(/^00/, "+");
  return /^\+?\d{2,15}$/.test(digits) ? digits : undefined;
}
