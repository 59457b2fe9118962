// Types of the helpers for tests under Node.

/** A golden case, as it stands in `NAME.record.json`. */
export interface Case {
  readonly source: string;
  readonly key: string;
  readonly fields: { readonly [name: string]: unknown };
  readonly types?: { readonly [name: string]: string };
  readonly context?: { readonly [name: string]: unknown };
  readonly mapped?: { readonly [name: string]: unknown };
  readonly lookups?: readonly object[];
  readonly expected?: object;
}
/** A line that a mapping wrote to the log. */
export interface LogLine {
  readonly level: "trace" | "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: { readonly [name: string]: string };
}
/** What became of the cases of a folder. */
export class CaseReport {
  passed: string[];
  failed: { name: string; difference: string; actual: object }[];
  toString(): string;
  /** Throws with every failure unless all cases passed. */
  assert(): void;
}
/** Imports a mapping, so that its `import … from "scimwright"` finds this SDK. */
export function loadMapping(file: string | URL): Promise<any>;
/** Runs one case and tells what came out: the resource, `{ skip }` or `{ error }`. */
export function runCase(module: object, input: Case): object;
/** Runs every golden case of a folder. A folder without any is an error and not a success. */
export function runCases(module: object, folder: string | URL): CaseReport;
/** Takes the lines that were logged since they were last asked for. */
export function logs(): LogLine[];
/** Lets look-ups find a record. Its source counts as granted from now on. */
export function provideLookup(record: Case): void;
/** Takes back what was provided. */
export function forgetLookups(): void;
