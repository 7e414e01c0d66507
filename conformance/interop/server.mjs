// A real Better Auth server, to share one database, one secret and one
// browser's cookies with the rig of ../server. Its flags are the rig's, with
// lives in seconds, and so is the line that it prints first:
//
//   node interop/server.mjs --mysql mysql://root@127.0.0.1:3306/app --cookie-cache jwe
//   listening on http://127.0.0.1:40123
//
// It runs as in production and until SIGTERM.

import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { redisStorage } from "@better-auth/redis-storage";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { bearer, multiSession } from "better-auth/plugins";
import { Redis } from "ioredis";
import { asBetterSQLite, openMySQL, openSQLite } from "./database.mjs";
import { fields } from "./fields.mjs";
import { password } from "./users.mjs";

process.env.NODE_ENV = "production";

const { values: flags } = parseArgs({
  options: {
    mysql: { type: "string" }, // URL of the database, or
    sqlite: { type: "string" }, // file
    redis: { type: "string" }, // address of the secondary storage
    secondary: { type: "string", default: "" }, // its use: only, database or preserve
    secret: { type: "string" },
    "trusted-origins": { type: "string", default: "" }, // with commas between
    "cookie-cache": { type: "string", default: "off" }, // off, compact, jwt or jwe
    "cookie-prefix": { type: "string", default: "better-auth" },
    "expires-in": { type: "string", default: "604800" },
    "update-age": { type: "string", default: "86400" },
    "fresh-age": { type: "string", default: "600" },
    "defer-refresh": { type: "boolean", default: false },
    "session-fields": { type: "boolean", default: false },
    "multi-session": { type: "boolean", default: false },
    bearer: { type: "boolean", default: false },
  },
});

let answer = (_, response) => response.writeHead(503).end();
const server = createServer((request, response) => answer(request, response));
await new Promise((listening, failed) => server.once("error", failed).listen(0, "127.0.0.1", listening));
const baseURL = `http://127.0.0.1:${server.address().port}`;

const cache = flags["cookie-cache"];
const options = {
  baseURL,
  secret: flags.secret,
  // The driver writes times in the process's own zone unless it is told "Z".
  database: flags.sqlite ? asBetterSQLite(openSQLite(flags.sqlite)) : openMySQL(flags.mysql, { timezone: "Z" }),
  ...(flags.secondary && { secondaryStorage: redisStorage({ client: new Redis("redis://" + flags.redis) }) }),
  trustedOrigins: flags["trusted-origins"].split(",").filter(Boolean),
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  advanced: { cookiePrefix: flags["cookie-prefix"] },
  // Hashing is slow on purpose and not what is looked at here.
  emailAndPassword: { enabled: true, password },
  session: {
    expiresIn: Number(flags["expires-in"]),
    updateAge: Number(flags["update-age"]),
    freshAge: Number(flags["fresh-age"]),
    deferSessionRefresh: flags["defer-refresh"],
    storeSessionInDatabase: ["database", "preserve"].includes(flags.secondary),
    preserveSessionInDatabase: flags.secondary === "preserve",
    ...(cache !== "off" && { cookieCache: { enabled: true, strategy: cache, maxAge: 300 } }),
    ...(flags["session-fields"] && { additionalFields: fields }),
  },
  plugins: [...(flags["multi-session"] ? [multiSession()] : []), ...(flags.bearer ? [bearer()] : [])],
};
await (await getMigrations(options)).runMigrations();
answer = toNodeHandler(betterAuth(options));
console.log("listening on " + baseURL);

process.once("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
  process.exit(0);
});
