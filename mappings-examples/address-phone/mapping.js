// Maps postal addresses and telephone numbers, as people write them, to what SCIM wants.
//
// It maps nothing else: name it behind the module that maps the person, and it lies on top.

import { fields, functions, log, mapping } from "scimwright";
import { phoneNumber } from "./phone.js";

const ADDRESSES = [["work_", "work"], ["home_", "home"]];
const ADDRESS_PARTS = ["street", "street2", "postal_code", "city", "region", "country"];
const PHONES = [["work_phone", "work"], ["mobile_phone", "mobile"], ["home_phone", "home"], ["fax", "fax"]];

export const { about, attributeMapping } = mapping({
  name: "address-phone",
  version: "0.1.0",
  description: "Maps postal addresses and telephone numbers, as people write them.",
  reads: [
    ...ADDRESSES.flatMap(([prefix]) => ADDRESS_PARTS.map((part) => prefix + part)),
    ...PHONES.map(([name]) => name),
  ],
  writes: ["addresses", "phoneNumbers"],
  settings: {
    country: { description: "The country of records that name none: DE, or Germany." },
    keep_unreadable_phones: {
      description: "Whether text that is no telephone number is passed on as it is.",
      default: false,
    },
  },

  map(record, ctx) {
    const field = fields(record);
    // Where a number is dialled that does not name its country.
    const places = [field.optionalText("work_country"), ctx.setting("country")];
    const home = functions.first(places.map((place) => functions.countryAlpha2(place)));
    return {
      addresses: ADDRESSES.map(([prefix, type]) => address(field, prefix, type)),
      phoneNumbers: PHONES.map(([name, type]) => phone(field, name, type, home, ctx)),
    };
  },
});

/** One address; null, and so none, where every part is blank. */
function address(field, prefix, type) {
  const text = (part) => functions.collapseSpaces(field.optionalText(prefix + part));
  const parts = {
    streetAddress: functions.join("\n", text("street"), text("street2")) || null,
    locality: text("city"),
    region: text("region"),
    postalCode: functions.upper(text("postal_code")),
    country: country(field, `${prefix}country`),
  };
  if (Object.values(parts).every(functions.isBlank)) return null;
  return { ...parts, formatted: formatted(parts), type };
}

/** RFC 7643 §4.1.2: the country is a code of two letters. What is no country is left out and told, not guessed at. */
function country(field, name) {
  const text = field.optionalText(name);
  const code = functions.countryAlpha2(text);
  if (text && !code) log.warn("dropped what is no country", { field: name, value: text });
  return code;
}

/** The address as it would stand on a letter from abroad: the order of its country, the country's name last. */
function formatted({ streetAddress, locality, region, postalCode, country: code }) {
  return functions.join("\n", streetAddress, cityLines(), functions.upper(functions.countryName(code)));

  function cityLines() {
    switch (code) {
      case "US":
      case "CA":
      case "AU":
        return functions.join(" ", functions.join(code === "AU" ? " " : ", ", locality, region), postalCode);
      case "GB":
      case "IE":
        return functions.join("\n", locality, region, postalCode);
      default:
        return functions.join(" ", postalCode, locality);
    }
  }
}

/** A number that cannot be read is dropped and told: a person without a telephone can work. */
function phone(field, name, type, home, ctx) {
  const text = field.optionalText(name);
  if (text === null) return null;
  const value = phoneNumber(text, home);
  if (value) return { value, type };
  log.warn("this is no telephone number", { field: name, value: text });
  return ctx.booleanSetting("keep_unreadable_phones") ? { value: text, type } : null;
}
