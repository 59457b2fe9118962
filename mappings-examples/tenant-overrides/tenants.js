// What is the same for every tenant, and what each has otherwise. The README has this as a table.

/** Every rule there is. Without a domain nobody is mapped. */
export const BASE = {
  domain: null,
  locale: "en-GB",
  login: "{given}.{family}",
  displayName: "given-first",
  title: true,
  userTypes: { contractor: "Contractor", intern: "Intern" },
};

/** By the tenant's name in the configuration. */
export const TENANTS = {
  "acme-gmbh": {
    domain: "acme.example.de",
    locale: "de-DE", // also how names are spelt: Müller is mueller
    login: "{given:1}{family}",
    title: false, // the works council: no job titles outside of the house
    userTypes: { befristet: "Contractor", praktikum: "Intern" },
  },
  "acme-kk": {
    domain: "acme.example.jp",
    locale: "ja-JP",
    login: "{email}", // names in kanji have no plain letters to build one of
    displayName: "family-first",
  },
  "acme-sa": {
    domain: "acme.example.fr",
    locale: "fr-FR",
    displayName: "family-in-capitals",
  },
};
