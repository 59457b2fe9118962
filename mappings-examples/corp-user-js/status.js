// Whether somebody is active, in the words that personnel systems use.

import { functions, invalid } from "scimwright";

const ACTIVE = ["active", "a", "employed", "current", "working", "probation", "hired", "enabled", "full-time"];
const LEAVE = ["leave", "on leave", "loa", "parental leave", "maternity leave", "sabbatical", "sick leave"];
const GONE = [
  "terminated", "inactive", "left", "resigned", "retired", "dismissed", "former", "deceased", "disabled", "suspended", "leaver",
  "i",
];

/**
 * A blank status is active: sources that have no such column list only people who are there. A word that is not known
 * is an error, because guessing either way is bad: access for somebody who left, or none for somebody who works.
 */
export function active(field, ctx) {
  const text = field.optionalText("status");
  if (text === null) return true;
  const word = text.toLowerCase().replaceAll("_", " ");
  if (ACTIVE.includes(word)) return true;
  if (LEAVE.includes(word)) return ctx.booleanSetting("leave_is_active") ?? true;
  if (GONE.includes(word)) return false;
  return (
    functions.parseBoolean(text) ??
    invalid(
      "status",
      `\`${text}\` is not a status; understood are active, leave, terminated and words like them, or a yes or a no`,
    )
  );
}
