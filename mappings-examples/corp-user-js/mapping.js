// Maps the people of a company to SCIM Users.
//
// One function an attribute, so that a reader who looks for `userName` finds all of its rules in one place.
// A blank field clears its attribute: what was removed in the source is removed at the provider.

import { ENTERPRISE_USER, enterprise, fields, functions, invalid, link, log, mapping } from "scimwright";
import { active } from "./status.js";

export const { about, attributeMapping } = mapping({
  name: "corp-user-js",
  version: "0.1.0",
  description: "Maps the people of a company to SCIM Users.",
  reads: [
    "employee_id", "given_name", "family_name", "preferred_name", "email", "phone", "mobile", "job_title", "department",
    "division", "cost_center", "manager_id", "status", "locale",
  ],
  writes: [
    "externalId", "userName", "name", "displayName", "emails", "phoneNumbers", "active", "title", "preferredLanguage", "locale",
    ...enterprise("employeeNumber", "department", "division", "costCenter", "manager"),
  ],
  settings: {
    domain: {
      description: "The domain of login names that are built from a person's name.",
      default: "example.com",
    },
    country_code: { description: "The country of telephone numbers that do not name theirs, for example +49." },
    leave_is_active: { description: "Whether people on leave keep their access.", default: true },
  },

  map(record, ctx) {
    const field = fields(record);
    const person = readPerson(field);
    return {
      externalId: record.$key,
      userName: userName(person, ctx),
      name: {
        formatted: functions.fullName(person.given, person.family) || null,
        familyName: person.family || null,
        givenName: person.given || null,
      },
      displayName: functions.fullName(person.preferred || person.given, person.family) || null,
      emails: [person.email && { value: person.email, type: "work", primary: true }],
      phoneNumbers: phoneNumbers(field, ctx),
      active: active(field, ctx),
      title: field.optionalText("job_title"),
      ...language(field),
      [ENTERPRISE_USER]: {
        employeeNumber: field.optionalText("employee_id"),
        department: field.optionalText("department"),
        division: field.optionalText("division"),
        costCenter: field.optionalText("cost_center"),
        manager: manager(field, record.$key),
      },
    };
  },
});

/** The fields that more than one attribute is made of, cleaned. */
function readPerson(field) {
  const name = (of) => functions.cleanName(field.optionalText(of)) ?? "";
  const email = field.optionalText("email");
  return {
    given: name("given_name"),
    family: name("family_name"),
    preferred: name("preferred_name"),
    // An address that is wrong is an error and not dropped: it is the login, and somebody should correct it.
    email: email && (functions.emailAddress(email) ?? invalid("email", `\`${email}\` is not a mail address`)),
  };
}

/** The mail address is what people know as their login; who has none gets one built from the name. */
function userName({ email, given, family }, ctx) {
  if (email) return email;
  const domain = ctx.setting("domain");
  const patterns = ["{given}.{family}"];
  const [local] = functions.userNameCandidates(patterns, { given, family }, 1);
  if (local && domain) return `${local}@${domain.toLowerCase()}`;
  return invalid(
    "email",
    "is blank, and no login name can be built: that takes a name with Latin, Greek or Cyrillic letters and the setting `domain`",
  );
}

/** A number that cannot be read is treated as blank: a person without a telephone can work, one without an account cannot. */
function phoneNumbers(field, ctx) {
  return [["phone", "work"], ["mobile", "mobile"]].map(([name, type]) => {
    const text = field.optionalText(name);
    const value = functions.phoneNumber(text, ctx.setting("country_code"));
    if (text && !value) log.warn("dropped what is no telephone number", { field: name, value: text });
    return value && { value, type };
  });
}

/** One column stands for both: the language that people read, and how dates and numbers are written for them. */
function language(field) {
  const text = field.optionalText("locale");
  const tag = functions.languageTag(text);
  if (text && !tag) log.warn("dropped what is no language tag", { field: "locale", value: text });
  // Left out where the file has none: people choose their own language, and a default may fill it in.
  return tag ? { preferredLanguage: tag, locale: tag } : {};
}

function manager(field, key) {
  const id = field.optionalText("manager_id");
  if (id === key) log.warn("nobody is their own manager", { field: "manager_id", value: id });
  return id && id !== key ? { value: link("User", id) } : null;
}
