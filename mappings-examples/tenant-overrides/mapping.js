// One mapping for every tenant: base rules, and what each tenant has otherwise.
//
// The rules are data, in tenants.js, so that a new tenant is a few lines there and none here. What an operator sets in
// the configuration wins over both.

import { fields, functions, invalid, mapping, rejected } from "scimwright";
import { BASE, TENANTS } from "./tenants.js";

/** The rules that an operator may set, and the settings that do so. */
const SETTINGS = { domain: "domain", locale: "locale", login: "login", displayName: "display_name" };

export const { about, attributeMapping } = mapping({
  name: "tenant-overrides",
  version: "0.1.0",
  description: "Maps the people of many tenants, each by its own rules.",
  reads: ["given_name", "family_name", "email", "job_title", "locale", "contract"],
  writes: [
    "externalId", "userName", "name", "displayName", "emails", "title", "userType", "preferredLanguage", "locale",
    "active",
  ],
  settings: {
    domain: { description: "The domain of login names and mail addresses." },
    locale: { description: "The locale of people whose record names none: de-DE." },
    login: { description: "How login names are built: {given:1}{family}, or {email}." },
    display_name: { description: "How names are shown: given-first, family-first or family-in-capitals." },
  },

  map(record, ctx) {
    const rules = rulesFor(ctx);
    const person = readPerson(fields(record));
    const login = userName(person, rules);
    return {
      externalId: record.$key,
      userName: login,
      name: { givenName: person.given, familyName: person.family },
      displayName: displayName(person, rules),
      emails: [{ value: person.email ?? login, type: "work", primary: true }],
      title: rules.title ? person.title : undefined,
      userType: functions.choose(person.contract, rules.userTypes, "Employee"),
      ...language(person, rules),
      active: true,
    };
  },
});

/** Base, tenant, settings: the later wins, name by name. */
function rulesFor(ctx) {
  const own = Object.hasOwn(TENANTS, ctx.tenant) ? TENANTS[ctx.tenant] : {};
  const rules = { ...BASE, ...own };
  for (const [rule, setting] of Object.entries(SETTINGS)) rules[rule] = ctx.setting(setting) ?? rules[rule];
  // A tenant that nobody described would get the accounts of another: better none.
  if (!rules.domain) rejected(`tenant \`${ctx.tenant}\` has no domain: describe it in tenants.js, or set \`domain\``);
  return rules;
}

function readPerson(field) {
  const email = field.optionalText("email");
  return {
    given: functions.cleanName(field.text("given_name")),
    family: functions.cleanName(field.text("family_name")),
    email: email && (functions.emailAddress(email) ?? invalid("email", `\`${email}\` is not a mail address`)),
    title: field.optionalText("job_title"),
    locale: functions.languageTag(field.optionalText("locale")),
    contract: field.optionalText("contract"),
  };
}

/** The mail address where the tenant says so, else a name built by its pattern, in the letters of its language. */
function userName({ given, family, email }, { login, locale, domain }) {
  if (login === "{email}") return email ?? invalid("email", "is blank, and the people of this tenant log in by it");
  const parts = { given: functions.toAscii(given, locale), family: functions.toAscii(family, locale) };
  const [local] = functions.userNameCandidates([login], parts, 1);
  if (!local) invalid("family_name", `no login name can be built of \`${functions.fullName(given, family)}\``);
  return `${local}@${domain}`;
}

/** How names are shown: a function for each word that the rule `displayName` may be. */
const DISPLAY_NAMES = {
  "given-first": ({ given, family }) => functions.fullName(given, family),
  // `fullName` has the order of the script: 山田太郎 is family name first already.
  "family-first": ({ given, family }) =>
    functions.familyNameFirst(given, family) ? functions.fullName(given, family) : `${family} ${given}`,
  "family-in-capitals": ({ given, family }) => `${functions.upper(family)} ${given}`,
};

function displayName(person, rules) {
  if (!Object.hasOwn(DISPLAY_NAMES, rules.displayName)) {
    const known = Object.keys(DISPLAY_NAMES).join(", ");
    throw new Error(`\`${rules.displayName}\` is no way to show a name; there are ${known}`);
  }
  return DISPLAY_NAMES[rules.displayName](person);
}

function language(person, rules) {
  const locale = person.locale ?? rules.locale;
  return { locale, preferredLanguage: functions.languagePart(locale) };
}
