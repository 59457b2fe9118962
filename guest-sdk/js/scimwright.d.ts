// Types of the scimwright SDK for JavaScript. The pages of README.md tell the rest.

/** Any JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** The value of a field, as the source has it: moments as Date, bytes as Uint8Array, what nests as JSON. */
export type FieldValue = null | string | boolean | number | Date | Uint8Array | Json;

/** A record: its fields by name. Reading a name that the manifest does not declare throws. */
export interface SourceRecord {
  /** What identifies the record in its source. */
  readonly $key: string;
  /** The source's name in the configuration. */
  readonly $source: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the source decides, and `fields(record)` checks
  readonly [field: string]: any;
}

/** Everything a mapping may know besides the record. */
export interface Context {
  /** The tenant on whose behalf the module runs. */
  readonly tenant: string;
  /** The service provider's name in the configuration. */
  readonly provider: string;
  /** The SCIM resource type that is wanted: `User`, `Group`. */
  readonly resourceType: string;
  /** Why the mapping is asked. */
  readonly operation: "create" | "update" | "preview";
  /** The moment of the run; the only clock there is. */
  readonly now: Date;
  /** The day of the run as `YYYY-MM-DD`, which compares with `fields(record).date("…")`. */
  readonly today: string;
  /** The module's settings as they were given, defaults included. */
  readonly settings: Readonly<Record<string, string>>;
  /** A setting's value or default, trimmed; null where it is blank. */
  setting(name: string): string | null;
  /** The value of a setting that the module cannot work without. */
  requiredSetting(name: string): string;
  /** The value of a setting that is a yes or a no, in the words that `fields(record).boolean` understands. */
  booleanSetting(name: string): boolean | null;
  /** The value of a setting that is a whole number. */
  integerSetting(name: string): number | null;
}

declare const kind: unique symbol;

/** "The resource of that record"; see {@link link}. */
export interface Link { readonly [kind]: "link" }
/** Removes an attribute; see {@link clear}. */
export interface Clear { readonly [kind]: "clear" }
/** Any JSON as an attribute; see {@link json}. */
export interface JsonAttribute { readonly [kind]: "json" }
/** A scalar of a kind that JavaScript has no type for. */
export interface Marked { readonly [kind]: "reference" | "date-time" | "decimal" }

/** One value without parts. */
export type Scalar = string | boolean | number | bigint | Date | Uint8Array | ArrayBuffer | Link | Marked;
type Nothing = null | undefined;
/** A value with parts. Parts that are null or undefined are left out. */
export interface Complex {
  readonly [part: string]: Scalar | readonly (Scalar | Nothing)[] | Nothing;
}
/** What an attribute is to become. Undefined: left alone. Null, `clear`, an empty list, no parts: removed. */
export type AttributeValue =
  | Scalar | Complex | Clear | JsonAttribute | Nothing | readonly (Scalar | Nothing)[] | readonly (Complex | Nothing | "")[];
/** The attributes of an extension by their short names, under its URN. */
export interface Extension {
  readonly [attribute: string]: AttributeValue;
}
/** The attributes of the resource to be; an extension's under their full names or nested under its URN. */
export interface Attributes {
  readonly [name: string]: AttributeValue | Extension;
}

/** A setting that the module accepts. */
export interface Setting {
  /** What it is for, in a sentence. */
  readonly description?: string;
  /** Whether the module cannot work without it. */
  readonly required?: boolean;
  /** The value that the module assumes when none is given. */
  readonly default?: string | number | boolean;
}

/** What a module is, needs and produces. */
export interface Manifest {
  /** Lower-case words joined by hyphens. */
  readonly name: string;
  /** The module's own version, for people and logs. */
  readonly version?: string;
  /** What it does, in a sentence. */
  readonly description?: string;
  /** The source fields that it reads; it gets no others. `*` asks for all and needs a grant. */
  readonly reads?: readonly string[];
  /** The attributes that it may return, extensions with their URN; see {@link enterprise}. */
  readonly writes?: readonly string[];
  /** The sources that it looks things up in. Each needs a grant. */
  readonly lookups?: readonly string[];
  /** The settings that it accepts, by name. */
  readonly settings?: Readonly<Record<string, Setting>>;
  /** Asks for instances that map so many records one after the other; it takes a grant, and a promise to keep no state. */
  readonly reuse?: number;
}

/** Maps one record. A plain function: the same record and context always give the same outcome. */
export type MapFunction = (record: SourceRecord, ctx: Context) => Attributes;
/** Supplies values for attributes that `mapped` leaves open; the host uses those and drops the others. */
export type DefaultsFunction = (record: SourceRecord, ctx: Context, mapped: { readonly [name: string]: any }) => Attributes;

/** The contract's interfaces, to be exported as they are. */
export interface About { describe(): object }
export interface AttributeMapping { map(ctx: object, source: object): object }
export interface DefaultValues { defaults(ctx: object, source: object, mapped: readonly object[]): object }

/** Makes a module: `export const { about, attributeMapping } = mapping({ …, map(record, ctx) { … } });` */
export function mapping(definition: Manifest & { map: MapFunction; defaults: DefaultsFunction }): {
  about: About;
  attributeMapping: AttributeMapping;
  defaultValues: DefaultValues;
};
export function mapping(definition: Manifest & { map: MapFunction; defaults?: undefined }): {
  about: About;
  attributeMapping: AttributeMapping;
};
export function mapping(definition: Manifest & { map?: undefined; defaults: DefaultsFunction }): {
  about: About;
  defaultValues: DefaultValues;
};

/** Leaves the record out of scope, for this reason. It throws, so `return skip("…")` and `skip("…")` are one. */
export function skip(reason: string): never;
/** The record is at fault: `invalid("email", "has no @")`, or `invalid("…")` where no single field is. It throws. */
export function invalid(message: string): never;
export function invalid(field: string, message: string): never;
/** The mapping refuses the record by a rule of its own. It throws. */
export function rejected(message: string): never;
/** A look-up that the mapping needs did not work. It throws. */
export function lookupFailed(message: string): never;

/** What `skip` throws. */
export class Skip extends Error {
  constructor(reason: string);
  readonly reason: string;
}
/** What `invalid`, `rejected` and `lookupFailed` throw. */
export class MappingError extends Error {
  constructor(kind: "invalid-record" | "lookup-failed" | "rejected" | "other", message: string, field?: string);
  readonly kind: "invalid-record" | "lookup-failed" | "rejected" | "other";
  readonly field?: string;
}

/** Removes an attribute at the provider, as null does. */
export const clear: Clear;
/** "The resource of that record": `manager: { value: link("User", "E7") }`. */
export function link(resourceType: string, key: string | number): Link;
/** A URI as SCIM's type `reference`. */
export function reference(uri: string): Marked;
/** A moment from RFC 3339 text. A Date is one already. */
export function dateTime(text: string | Date): Marked | Date;
/** A number as SCIM's type `decimal`, also where it is whole. */
export function decimal(number: number): Marked;
/** Any JSON, for schemas that nest deeper than SCIM says they may. */
export function json(value: Json): JsonAttribute;
/** Whether an attribute is open for a default: neither set nor cleared. Names are compared without case. */
export function isOpen(mapped: { readonly [name: string]: any }, name: string): boolean;

/** The enterprise extension of users (RFC 7643 §4.3). */
export const ENTERPRISE_USER: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/** Full names of the enterprise extension's attributes: `writes: ["userName", ...enterprise("manager")]`. */
export function enterprise(...names: string[]): string[];

/** Readers of a record's fields; each comes twice. Blank is null; what is wrong throws `invalid`. */
export interface Fields {
  text(name: string): string;
  optionalText(name: string): string | null;
  boolean(name: string): boolean;
  optionalBoolean(name: string): boolean | null;
  integer(name: string): number;
  optionalInteger(name: string): number | null;
  decimal(name: string): number;
  optionalDecimal(name: string): number | null;
  /** `2024-03-01` or RFC 3339, as it stands. */
  date(name: string): string;
  optionalDate(name: string): string | null;
  /** The texts of a list, blank ones left out; a single text is a list of one. */
  many(name: string): string[];
}
/** Reads the record's fields as what the mapping needs: `fields(record).text("email")`. */
export function fields(record: SourceRecord): Fields;

/** Details of a log line. */
export type Details = { readonly [name: string]: unknown };
/** The module's voice in the host's log. `console.log` goes there too. */
export const log: {
  trace(message: string, details?: Details): void;
  debug(message: string, details?: Details): void;
  info(message: string, details?: Details): void;
  warn(message: string, details?: Details): void;
  error(message: string, details?: Details): void;
};
/** Finds the record with this key in another source, cut down to the fields named; null where there is none. */
export function lookup(source: string, key: string, fields: readonly string[]): SourceRecord | null;

export * as functions from "./functions.js";
