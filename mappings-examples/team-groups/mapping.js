// Maps teams and their members to SCIM Groups.
//
// A mapping never sees ids of the provider. It links to records, "the User of record E1001", and the host puts the id
// there; where that person is created later in the same run, the member is added then.

import { fields, functions, link, log, mapping, skip } from "scimwright";

export const { about, attributeMapping } = mapping({
  name: "team-groups",
  version: "0.1.0",
  description: "Maps teams and their members to SCIM Groups.",
  reads: ["name", "members", "subteams", "archived"],
  writes: ["externalId", "displayName", "members"],
  settings: {
    prefix: { description: "What stands before the name of every group, for example team-." },
  },

  map(record, ctx) {
    const field = fields(record);
    if (field.optionalBoolean("archived")) return skip("the team is archived");
    return {
      externalId: record.$key,
      displayName: displayName(field, ctx),
      // An empty list clears the attribute: the last one to leave a team loses the group too.
      members: [...people(record, field), ...subteams(record, field)],
    };
  },
});

/** A team without a name is an error: the provider would show a group that nobody knows. */
function displayName(field, ctx) {
  return functions.append(ctx.setting("prefix") ?? "", functions.collapseSpaces(field.text("name")));
}

function people(record, field) {
  return keys(record, field, "members").map((key) => ({ value: link("User", key), type: "User" }));
}

/** Teams in a team. A group that contains itself would have some providers resolve its members for ever. */
function subteams(record, field) {
  const isItself = (key) => key === record.$key;
  const teams = keys(record, field, "subteams");
  if (teams.some(isItself)) log.warn("a team is no part of itself", { field: "subteams", value: record.$key });
  return teams.filter((key) => !isItself(key)).map((key) => ({ value: link("Group", key), type: "Group" }));
}

/**
 * The keys in a field, each once: a list as a database or an API has it, or one text as a spreadsheet has it,
 * `E1001; E1002`. A key in a list is taken whole, also with a comma in it.
 */
function keys(record, field, name) {
  const listed = Array.isArray(record[name]) ? field.many(name) : functions.splitList(field.optionalText(name));
  return functions.distinct(listed ?? []);
}
