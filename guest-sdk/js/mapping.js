// `mapping({...})`: from a manifest and plain functions to what the contract wants a module to export.

import { toAttributes, fromAttributes, didYouMean } from "./convert.js";
import { Skip, toMappingError, wellFormed, MappingError } from "./errors.js";
import { parseBoolean, parseInteger } from "./functions/numbers.js";
import { toRecord } from "./record.js";
import { present, toDate } from "./values.js";

const KNOWN = ["name", "version", "description", "reads", "writes", "lookups", "settings", "reuse", "map", "defaults"];
const KNOWN_OF_SETTING = ["description", "required", "default"];

/**
 * Makes a module of a manifest and one function or two. Export what comes back under the same names:
 * `export const { about, attributeMapping } = mapping({ …, map(record, ctx) { … } });`
 * With `defaults(record, ctx, mapped)` there is also `defaultValues`.
 */
export function mapping(definition) {
  const manifest = toManifest(definition);
  const { map, defaults } = definition;
  const exported = { about: { describe: () => manifest } };
  if (map) {
    exported.attributeMapping = {
      map: (ctx, source) =>
        outcome(() => {
          const attributes = map.call(undefined, toRecord(source, manifest.reads), toContext(ctx, manifest));
          return { tag: "provision", val: toAttributes(attributes, manifest.writes) };
        }),
    };
  }
  if (defaults) {
    exported.defaultValues = {
      defaults: (ctx, source, mapped) =>
        guarded(() => {
          const record = toRecord(source, manifest.reads);
          const offered = defaults.call(undefined, record, toContext(ctx, manifest), fromAttributes(mapped));
          return toAttributes(offered, manifest.writes);
        }),
    };
  }
  return exported;
}

function outcome(run) {
  return guarded(() => {
    try {
      return run();
    } catch (thrown) {
      if (thrown instanceof Skip) return { tag: "skip", val: wellFormed(thrown.reason) };
      throw thrown;
    }
  });
}

/** Whatever is thrown becomes the contract's error: a module that throws anything else would trap. */
function guarded(run) {
  try {
    return run();
  } catch (thrown) {
    if (thrown instanceof Skip) throw { tag: "other", val: "a default-values module cannot skip a record" };
    throw toMappingError(thrown);
  }
}

function toContext(ctx, manifest) {
  const settings = Object.create(null);
  for (const setting of manifest.settings) if (setting.default !== null) settings[setting.name] = setting.default;
  for (const [name, value] of ctx.settings) settings[name] = value;
  return new Context(ctx, settings, manifest.settings.map((setting) => setting.name));
}

/** Everything a mapping may know besides the record. */
class Context {
  #names;

  constructor(ctx, settings, names) {
    this.tenant = ctx.tenant;
    this.provider = ctx.provider;
    this.resourceType = ctx.resourceType;
    this.operation = ctx.operation;
    this.now = toDate(ctx.now);
    this.today = ctx.now.slice(0, 10);
    this.settings = settings;
    this.#names = names;
  }

  setting(name) {
    if (!this.#names.includes(name)) {
      throw new Error(`\`${name}\` is not among the manifest's \`settings\`${didYouMean(name, this.#names)}`);
    }
    const value = this.settings[name];
    return value === undefined ? null : present(value);
  }

  requiredSetting(name) {
    const value = this.setting(name);
    if (value === null) throw new MappingError("other", `setting \`${name}\` has no value`);
    return value;
  }

  booleanSetting(name) {
    return this.#parsed(name, "a yes or a no", parseBoolean);
  }

  integerSetting(name) {
    return this.#parsed(name, "a whole number", parseInteger);
  }

  #parsed(name, wanted, parse) {
    const text = this.setting(name);
    if (text === null) return null;
    const value = parse(text);
    if (value === null) throw new MappingError("other", `setting \`${name}\`: \`${text}\` is not ${wanted}`);
    return value;
  }
}

/** The manifest, checked. It runs while the module is built, so a mistake is told there and not to an admin. */
function toManifest(definition) {
  if (typeof definition !== "object" || definition === null) throw new TypeError("mapping(…) takes an object");
  const wrong = (problem) => new TypeError(`mapping({ name: "${definition.name ?? "?"}" }): ${problem}`);
  for (const name of Object.keys(definition)) {
    if (!KNOWN.includes(name)) throw wrong(`\`${name}\` is nothing it takes${didYouMean(name, KNOWN)}`);
  }
  const text = (name, fallback) => {
    const value = definition[name] ?? fallback;
    if (typeof value !== "string") throw wrong(`\`${name}\` has to be a text`);
    return value;
  };
  const texts = (name) => {
    const list = definition[name] ?? [];
    if (!Array.isArray(list) || !list.every((item) => typeof item === "string")) {
      throw wrong(`\`${name}\` has to be a list of texts`);
    }
    return [...list];
  };
  for (const name of ["map", "defaults"]) {
    if (definition[name] !== undefined && typeof definition[name] !== "function") throw wrong(`\`${name}\` has to be a function`);
  }
  if (!definition.map && !definition.defaults) throw wrong("it needs a function `map`, `defaults` or both");
  const { reuse = null } = definition;
  if (reuse !== null && !(Number.isInteger(reuse) && reuse > 0 && reuse < 2 ** 32)) {
    throw wrong("`reuse` has to be a number of records");
  }
  const settings = Object.entries(definition.settings ?? {}).map(([name, setting]) => toSetting(name, setting, wrong));
  return {
    name: text("name"),
    version: text("version", "0.0.0"),
    description: text("description", ""),
    reads: texts("reads"),
    writes: texts("writes"),
    lookups: texts("lookups"),
    settings,
    reuse,
  };
}

function toSetting(name, setting, wrong) {
  if (typeof setting !== "object" || setting === null) {
    throw wrong(`the setting \`${name}\` has to be an object: { description: "…", default: "…" }`);
  }
  for (const part of Object.keys(setting)) {
    if (!KNOWN_OF_SETTING.includes(part)) {
      throw wrong(`the setting \`${name}\` has no \`${part}\`${didYouMean(part, KNOWN_OF_SETTING)}`);
    }
  }
  const { description = "", required = false } = setting;
  // The contract's settings are texts; `default: true` is what people write.
  const given = setting.default ?? null;
  return { name, description, required, default: given === null ? null : String(given) };
}
