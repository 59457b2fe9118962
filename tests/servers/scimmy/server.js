// A SCIM service provider built on scimmy: Users and Groups in two Maps, gone when the process ends.
//
//   node server.js PORT bearer|basic SECRET [as-is|pages]
//
// It does what the documentation of scimmy and scimmy-routers shows: the tests are there to meet what such a
// server really does. It adds a line per request on standard output, and repairs one thing, if asked to:
//
// scimmy-routers turns `startIndex` and `count` into numbers in `request.query`. In Express 5 that is a getter
// which parses anew each time, so the numbers are lost, and every list is its first 20 resources for ever.
// With `pages` the query is parsed once and paging works; with `as-is` it does not.

import { randomUUID } from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const [port, scheme, secret, paging] = process.argv.slice(2);

/** Declares a resource type whose resources live in a Map, with one attribute that nobody shares. */
const declare = (type, unique) => {
    const held = new Map();
    SCIMMY.Resources.declare(type)
        .ingress((resource, data) => {
            if (resource.id && !held.has(resource.id)) {
                throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
            }
            const wanted = data[unique]?.toLowerCase();
            for (const [id, other] of held) {
                if (unique && id !== resource.id && other[unique]?.toLowerCase() === wanted) {
                    throw new SCIMMY.Types.Error(409, "uniqueness", `${unique} is taken`);
                }
            }
            const id = resource.id ?? randomUUID();
            const now = new Date();
            const meta = { created: held.get(id)?.meta.created ?? now, lastModified: now };
            held.set(id, { ...JSON.parse(JSON.stringify(data)), id, meta });
            return held.get(id);
        })
        .egress((resource) => {
            if (!resource.id) {
                const all = [...held.values()];
                return resource.filter ? resource.filter.match(all) : all;
            }
            if (!held.has(resource.id)) {
                throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
            }
            return held.get(resource.id);
        })
        .degress((resource) => {
            if (!held.delete(resource.id)) {
                throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
            }
        });
};

declare(SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false), "userName");
declare(SCIMMY.Resources.Group);

const expected = scheme === "basic"
    ? `Basic ${Buffer.from(secret).toString("base64")}`
    : `Bearer ${secret}`;

const app = express();
app.use((request, response, next) => {
    response.on("finish", () => {
        console.log(`"${request.method} ${request.originalUrl} HTTP/1.1" ${response.statusCode}`);
    });
    if (paging === "pages") {
        Object.defineProperty(request, "query", { value: { ...request.query } });
    }
    next();
});
app.use("/scim/v2", new SCIMMYRouters({
    type: scheme,
    handler: (request) => {
        if (request.header("Authorization") !== expected) {
            throw new Error("these credentials are not known");
        }
    },
}));
app.listen(Number(port), "127.0.0.1");
